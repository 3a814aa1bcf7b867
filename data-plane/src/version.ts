/** The version that this data plane reports. */
export const VERSION = "0.1.0";
