/** The release of the CLI whose command line and protocol are imitated. */
export const VERSION = "v3.270.0";
/** The release of the Kubernetes provider that is imitated. */
export const KUBERNETES_PLUGIN_VERSION = "4.34.2";
/** How `pulumi about --json` names what ran. */
export const ENGINE_NAME = "headgate-test-stand-in";
