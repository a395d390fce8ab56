/**
 * `models recommend`: models for the memory of this machine that are known to make tool calls, each with its source.
 */
import * as Command from "@effect/cli/Command"
import { Recommended } from "@lms-bridge/core/ModelCatalog"
import { CurrentMemory } from "@lms-bridge/core/Machine"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Ended, ExitCode, UsageError } from "../../ExitCode.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("recommend", {
  memory: SharedOptions.checked({
    name: "memory",
    pseudoName: "GB",
    description: "Memory in gigabytes, instead of that of this machine.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.between(1, 4096))),
    allowed: "a number from 1 to 4096"
  }),
  json: SharedOptions.json("Print the list as JSON.")
}).pipe(
  Command.withDescription("Name models to download for the memory of this machine, known to make tool calls."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, memory }) {
      const screen = yield* Screen
      const bytes = Option.match(memory, { onNone: () => undefined, onSome: (gigabytes) => gigabytes * 2 ** 30 })
      const has = bytes ?? (yield* CurrentMemory)
      if (has === undefined) {
        return yield* new UsageError({
          problem: "How much memory this machine has is not known. --memory GB tells it."
        })
      }
      const models = Recommended.within(has)
      if (json) return yield* screen.out(encode({ memoryBytes: has, asOf: Recommended.asOf, models }))
      if (models.length === 0) {
        yield* screen.err(
          `No model that is known to make tool calls fits into ${Words.bytes(has)} of memory. The smallest takes ${Words.bytes(Math.min(...Recommended.all.map(({ sizeBytes }) => sizeBytes)))}, and the rest of the machine needs memory, too.`
        )
        return yield* new Ended({ code: ExitCode.failure })
      }
      yield* screen.out(render(models, screen.columns))
      yield* screen.err(
        `For ${Words.bytes(has)} of memory, as known on ${Recommended.asOf}. \`lms-bridge models get NAME\` downloads one; \`lms-bridge models probe\` then shows what it can do here.`
      )
    })
  )
)

export const render = (models: ReadonlyArray<Recommended.Recommendation>, columns?: number): string =>
  Table.render(
    ["MODEL", "SIZE", "WHY", "SOURCE"],
    models.map(({ model, sizeBytes, source, why }) => [model, Words.bytes(sizeBytes), why, source]),
    columns
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encode = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      memoryBytes: Schema.Number,
      asOf: Schema.String,
      models: Schema.Array(Recommended.Recommendation)
    })
  )
)
