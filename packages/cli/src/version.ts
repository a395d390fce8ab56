/**
 * The version that `--version` prints, the same as in package.json: in the code, so that no file is read for it.
 */
export const version = "0.1.0"
