/** Lines of a configuration in any language, in a form that may be shown. */
import { namesSecret } from "./KnownTokens.ts"
import { shownJson } from "./ShownJson.ts"

/** As `shownJson`; in TOML and YAML, values without quotes are masked, too. */
export const shownConfig = (language: "json" | "toml" | "yaml", text: string, variables: ReadonlySet<string>): string =>
  language === "json"
    ? shownJson(text, variables)
    : shownJson(text, variables)
        .split("\n")
        .map((line) =>
          line.replaceAll(language === "toml" ? inToml : inYaml, (whole: string, start: string, quoted: string) => {
            const name = quoted.replaceAll(/^["']|["']$/g, "")
            return variables.has(name) || /^[A-Z_][A-Z\d_]*$/.test(name) || namesSecret(name) ? `${start}"***"` : whole
          })
        )
        .join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** `NAME = "value"`, on a line of its own or in braces. */
const inToml = /((?:^|[{,])\s*("[^"\n]*"|'[^'\n]*'|[\w-]+)\s*=\s*)(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}[{][^,}\n]*)/g

/** `NAME: value`. */
const inYaml = /(^\s*("[^"\n]*"|'[^'\n]*'|[\w.-]+):\s+)\S.*$/g
