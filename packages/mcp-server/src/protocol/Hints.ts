/**
 * The hints of the core name commands of a terminal. An MCP client has tools, so each command becomes the tool that does the
 * same. What only a person may do (accept changed tools, log in) stays a command, and says where to type it. Pure.
 */

const tools: ReadonlyArray<readonly [RegExp, string | ((...parts: ReadonlyArray<string>) => string)]> = [
  [
    /^models (?:ensure|load) (\S+)(?: --context-length (\S+))?.*$/,
    (_, name, context) =>
      `lms_ensure_model_loaded with model_name: ${name}${context === undefined ? "" : ` and context_length: ${context}`}`
  ],
  [
    /^models unload (\S+)( --force)?$/,
    (_, name, force) => `lms_unload_model with model_name: ${name}${force === undefined ? "" : " and force: true"}`
  ],
  [/^models ls$/, "list_models"],
  [/^models ps$/, "lms_list_loaded_models"],
  [/^models get.*$/, "lms_download_model"],
  [/^server (?:start|status)$/, "lms_server_status"],
  [/^doctor$/, "health_check"],
  [/^mcp (?:ls|tools).*$/, "list_available_mcps"],
  [/^runs ls$/, "run_status"],
  [/^runs show (\S+)$/, (_, run) => `run_result with run_id: ${run}`],
  [/^(?:runs resume|runs follow) (\S+).*$/, (_, run) => `run_start with follows: ${run}`]
]

/** Options that are arguments of the tool that failed. */
const options: ReadonlyArray<readonly [RegExp, string]> = [[/\b([Uu]se|with) --force\b/g, "$1 force: true"]]

export const asTools = (text: string): string =>
  options.reduce(
    (said, [pattern, argument]) => said.replaceAll(pattern, argument),
    text.replaceAll(/`lms-bridge ([a-z][^`]*)`( at a terminal)?/g, (whole, command: string) => {
      const found = tools.find(([pattern]) => pattern.test(command))
      return found !== undefined
        ? `\`${command.replace(found[0], replacement(found[1]))}\``
        : whole.endsWith("terminal")
          ? whole
          : `${whole} at a terminal`
    })
  )

const replacement =
  (to: string | ((...parts: ReadonlyArray<string>) => string)) =>
  (...parts: ReadonlyArray<string>) =>
    typeof to === "string" ? to : to(...parts)
