/**
 * `restore`: puts back what a backup has.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { BackupKind, Restore } from "@lms-bridge/core/Machine"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Ended, ExitCode, UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Words from "../../views/Words.ts"

const isKind = Schema.is(BackupKind)

export const command = Command.make("restore", {
  file: Args.text({ name: "FILE" }).pipe(Args.withDescription("The backup.")),
  only: Options.text("only").pipe(
    Options.withDescription(`Only files of these kinds: ${BackupKind.literals.join(", ")}.`),
    Options.withPseudoName("KIND"),
    Options.repeated
  ),
  force: Options.boolean("force").pipe(
    Options.withDescription("Also replace what is newer here; what was there is kept beside it.")
  ),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Say what would be done, and do nothing.")),
  json: SharedOptions.json("Print what was done with each file as JSON.")
}).pipe(
  Command.withDescription("Put back what a backup has. What is newer here stays, and is named."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ dryRun, file, force, json, only }) {
      const screen = yield* Screen
      const unknown = only.find((kind) => !isKind(kind))
      if (unknown !== undefined) {
        const problem = `--only is "${unknown}", but must be one of ${BackupKind.literals.join(", ")}.`
        return yield* new UsageError({ problem })
      }
      const done = yield* Restore.read(file, { dryRun, force, only: only.filter(isKind) })
      yield* screen.out(json ? encode(done) : render(done, dryRun))
      for (const problem of done.problems) yield* screen.err(`lms-bridge: ${file}: ${problem}`)
      const broken = done.files.filter(({ result }) => result === "damaged" || result === "failed")
      for (const { detail, kind, name } of broken) {
        yield* screen.err(`lms-bridge: ${kind}/${name} was not restored: ${detail}`)
      }
      if (done.problems.length + broken.length > 0) return yield* new Ended({ code: ExitCode.failure })
    })
  )
)

export const render = ({ at, files }: Restore.Restored, dryRun: boolean): string => {
  const of = (result: Restore.Result) => files.filter((one) => one.result === result)
  const counted = (result: Restore.Result, words: string) => {
    const { length } = of(result)
    return length === 0 ? [] : [`${Words.count(length, "file")} ${words}`]
  }
  const would = dryRun ? "would be " : ""
  const listed = (result: Restore.Result, words: string) =>
    of(result).map(({ detail, kind, name }) => `${kind}/${name} ${words}: ${detail}.`)
  return [
    `The backup is of ${DateTime.formatIso(DateTime.unsafeMake(at)).slice(0, 16).replace("T", " ")} UTC.`,
    ...listed("newer", "stays as it is here (--force replaces it)"),
    ...listed("replaced", `${would}replaced`),
    ...listed("noPlace", "is left out"),
    [
      ...counted("written", `${would}written`),
      ...counted("replaced", `${would}replaced`),
      ...counted("same", "the same already"),
      ...counted("newer", "newer here"),
      ...counted("noPlace", "without a place here"),
      ...counted("damaged", "damaged"),
      ...counted("failed", "not written"),
      ...(files.length === 0 ? ["Nothing to restore"] : [])
    ].join(", ") + "."
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      at: Schema.Number,
      files: Schema.Array(
        Schema.Struct({
          kind: BackupKind,
          name: Schema.String,
          result: Schema.Literal("written", "replaced", "same", "newer", "damaged", "noPlace", "failed"),
          detail: Schema.UndefinedOr(Schema.String)
        })
      ),
      problems: Schema.Array(Schema.String)
    })
  )
)
