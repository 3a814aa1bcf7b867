/** A data plane as a process of its own that can be killed, of the contract up to the version that it is told. */
import { startDataPlane } from "@headgate/data-plane";
import { CONTRACT_VERSION } from "@headgate/sdk/contract";
import { contractUpTo, nextContract } from "@headgate/sdk/testing";
import { dataPlaneConfig } from "../../harness/tenant.ts";

const { CONTROL_PLANE_URL = "", JOIN_TOKEN, STATE_DIRECTORY = "", VERSION } = process.env;
const version = Number(VERSION);

const dataPlane = await startDataPlane(
  dataPlaneConfig({
    controlPlaneUrl: CONTROL_PLANE_URL,
    joinToken: () => JOIN_TOKEN,
    directory: STATE_DIRECTORY,
  }),
  { out: (text) => process.stdout.write(text), log: (text) => process.stderr.write(text) },
  { contract: version > CONTRACT_VERSION ? nextContract() : contractUpTo(version) },
);
process.once("SIGTERM", () => void dataPlane.stop().then(() => process.exit(0)));
