/**
 * The version that `--version` prints: a copy of package.json's, so that no file has to be read.
 */
export const version = "0.1.0"
