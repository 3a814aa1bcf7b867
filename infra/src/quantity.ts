/** Kubernetes quantities, from the units that plans are written in. */
export const millicores = (value: number): string => `${value}m`;
export const mebibytes = (value: number): string => `${value}Mi`;
