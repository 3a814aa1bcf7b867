/** What provisions a data plane asks here how large it shall be. */
export { PLANS, type Plan, type PlanNumbers, planNumbers, replicasAtOnce } from "./plans.ts";
