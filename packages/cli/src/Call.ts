/**
 * How this program was called, so that every command which it prints can be copied. Pure.
 */

export interface Start {
  /** The program's file as Node was given it: a link, `…/node_modules/.bin/lms-bridge`, or `…/lms-bridge.js`. */
  readonly file: string
  /** The working folder. */
  readonly folder: string
  /** PATH, with the separator of the platform replaced by ":". */
  readonly path: ReadonlyArray<string>
  /** `npm_command` in the environment: `exec` if npx started us. */
  readonly npmCommand: string
}

/** `npx lms-bridge`, `node path/to/lms-bridge.js`, or `lms-bridge` where that is on the PATH. */
export const of = ({ file, folder, npmCommand, path }: Start): string => {
  if (/[\\/]node_modules[\\/]\.bin[\\/][^\\/]+$/.test(file) && npmCommand === "exec") return "npx lms-bridge"
  const [, parent = "", name = ""] = /^(.*)[\\/]([^\\/]+)$/.exec(file) ?? []
  if (name === "" || (name === "lms-bridge" && path.includes(parent))) return "lms-bridge"
  const near = file.startsWith(`${folder}/`) ? file.slice(folder.length + 1) : file
  return `node ${/^[\w./~@+-]+$/.test(near) ? near : `'${near.replaceAll("'", `'\\''`)}'`}`
}

/** The text with its commands as they must be typed here: those in backticks, and those after a colon. */
export const as = (call: string, text: string): string =>
  call === "lms-bridge" ? text : text.replaceAll(command, (_, before: string) => `${before}${call} `)

const command =
  /(`|: )lms-bridge (?=(?:approve|backup|chat|config|doctor|eval|hosts|init|install|mcp|metrics|models|replay|restore|run|runs|serve|server|simulate|stats|submit|ui|uninstall|worker|--help)\b)/g
