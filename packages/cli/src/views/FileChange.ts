/** A change of a configuration file as a person sees it: its lines without secrets, and how to undo it by a copy. */
import { type ClientFiles, shownConfig } from "@lms-bridge/core/McpConfig"
import * as Words from "./Words.ts"

/** The lines of the change. `variables`: names whose values are not shown. */
export const lines = (plan: ClientFiles.Plan, title: string, variables: ReadonlySet<string>): ReadonlyArray<string> =>
  [
    title,
    ...plan.changes.flatMap(({ added, line, removed }) => [
      `@@ line ${line} @@`,
      ...withoutSecrets(plan.language, removed, variables).map((text) => `-${text}`),
      ...withoutSecrets(plan.language, added, variables).map((text) => `+${text}`)
    ])
  ].map((line) => Words.harmless(line))

/** The command that puts the copy in the place of the file. */
export const undo = (platform: string, backup: string, path: string): string =>
  platform === "win32" ? `copy /y "${backup}" "${path}"` : `cp ${quoted(backup)} ${quoted(path)}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withoutSecrets = (
  language: ClientFiles.Plan["language"],
  texts: ReadonlyArray<string>,
  variables: ReadonlySet<string>
) => (texts.length === 0 ? [] : shownConfig(language, texts.join("\n"), variables).split("\n"))

const quoted = (text: string) => (/^[\w./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
