/** The release that this is built from; the package's version. */
export const VERSION = "0.1.0";
