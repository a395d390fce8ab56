/** The language of a configuration file. Pure. The beginning of the text counts more than the file's name. */

export type ConfigLanguage = "json" | "toml" | "yaml"

/** JSON unless it is clearly something else. */
export const of = (path: string, text: string): ConfigLanguage => {
  const named = /\.(json[c5]?|toml|ya?ml|code-workspace)$/i.exec(path)?.[1]?.toLowerCase()
  const lines = text.slice(0, looked).split(/\r?\n/)
  const first = lines.map((line) => line.trim()).find((line) => line !== "" && !/^(#|\/\/|\/\*|\*)/.test(line))
  if (first === undefined) return named === "toml" ? "toml" : named?.startsWith("y") === true ? "yaml" : "json"
  if (/^[\w."-]+\s*=/.test(first) || (/^\[\[?\s*["\w]/.test(first) && named === "toml")) return "toml"
  if (/^\[\[?\s*(?!(?:true|false|null)\b)[A-Za-z_]/.test(first)) return "toml"
  if (first.startsWith("{") || first.startsWith("[")) return "json"
  if (/^(---|[\w."'-]+\s*:(\s|$)|- )/.test(first)) return "yaml"
  return named === "toml" ? "toml" : named?.startsWith("y") === true ? "yaml" : "json"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How many characters are examined; comments at the beginning of a file are short. */
const looked = 20_000
