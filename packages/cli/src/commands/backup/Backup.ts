/**
 * `backup`: writes all that would be missed into one file.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Backup, BackupKind } from "@lms-bridge/core/Machine"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("backup", {
  file: Args.text({ name: "FILE" }).pipe(Args.withDescription("The file to write, such as lms-bridge.backup.")),
  secrets: Options.boolean("secrets").pipe(
    Options.withDescription(
      "Also keep what is secret: the tokens of logins, secret settings, and the configurations of MCP servers. Keep such a file as you keep a password."
    )
  ),
  force: Options.boolean("force").pipe(Options.withDescription("Replace a file that is there.")),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Say what would be written, and write nothing.")),
  json: SharedOptions.json("Print what was written as JSON.")
}).pipe(
  Command.withDescription(
    "Write runs, aliases, what is known of models, logins without their secrets, settings, the policy and locks into one file."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ dryRun, file, force, json, secrets }) {
      const screen = yield* Screen
      if (file.trim() === "") return yield* new UsageError({ problem: "The name of the FILE is empty." })
      const done = yield* Backup.write(file, { secrets, dryRun, force })
      for (const { lines, name } of done.damaged) {
        yield* screen.err(
          `The journal ${name} is damaged: ${Words.count(lines, "line")} cannot be read. It is kept as it is.`
        )
      }
      for (const { name, why } of done.leftOut) yield* screen.err(`${name} is left out: ${why}.`)
      yield* screen.out(json ? encode(done) : render(done, file, dryRun))
    })
  )
)

export const render = ({ files }: Backup.BackedUp, file: string, dryRun: boolean): string => {
  const kinds = [...new Set(files.map(({ kind }) => kind))]
  const rows = kinds.map((kind) => {
    const mine = files.filter((one) => one.kind === kind)
    const without = [...new Set(mine.flatMap((one) => one.without ?? []))]
    const bytes = mine.reduce((sum, one) => sum + one.bytes, 0)
    return [kind, String(mine.length), Words.bytes(bytes), without.length === 0 ? "" : `without ${without.join(", ")}`]
  })
  const what = Words.count(files.length, "file")
  return [
    ...(rows.length === 0 ? [] : [Table.render(["KIND", "FILES", "SIZE", ""], rows)]),
    dryRun ? `${what} would be written to ${file}.` : `${what} written to ${file}.`
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      files: Schema.Array(
        Schema.Struct({
          kind: BackupKind,
          name: Schema.String,
          bytes: Schema.Int,
          without: Schema.UndefinedOr(Schema.String)
        })
      ),
      leftOut: Schema.Array(Schema.Struct({ name: Schema.String, why: Schema.String })),
      damaged: Schema.Array(Schema.Struct({ name: Schema.String, lines: Schema.Int }))
    })
  )
)
