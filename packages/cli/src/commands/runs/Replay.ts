/**
 * `replay`: replays a recorded run without model and MCP servers, and reports differences.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { CassetteComparison, CassetteReplay } from "@lms-bridge/core/RunJournal"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { isEnded } from "../../ExitCode.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as ShownRun from "../../views/ShownRun.ts"

export const command = Command.make("replay", {
  file: Args.text({ name: "FILE" }).pipe(Args.withDescription("A file written by `lms-bridge run --record FILE`.")),
  explain: RunOptions.showing.explain,
  json: RunOptions.showing.json
}).pipe(
  Command.withDescription(
    "Replay a recorded run without model and servers. Fails if anything differs, and names the difference."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* (options) {
      const tape = yield* CassetteReplay.Tape
      const told = yield* Ref.make(Chunk.empty<AgentEvent>())
      const events = (yield* AgentLoop).run(tape.task)
      const end = yield* Effect.either(
        ShownRun.show(
          Stream.tap(events, (event) => Ref.update(told, Chunk.append(event))),
          { ...options, approver: CassetteComparison.approver(tape) }
        )
      )
      const stopped = Either.isLeft(end) && !isEnded(end.left) ? [end.left.message] : []
      const left = yield* tape.left
      const otherwise = CassetteComparison.differences(tape.entries, left, Chunk.toReadonlyArray(yield* Ref.get(told)))
      const different = [...stopped, ...otherwise]
      if (otherwise.length === 0 && CassetteComparison.isPlayedToItsStop(tape.entries, left)) {
        return yield* (yield* Screen).err("The recorded run was stopped here. Up to here nothing differs.")
      }
      if (different.length > 0)
        return yield* new CassetteComparison.ReplayDiffers({ path: tape.path, differences: different })
      yield* end
    })
  )
)
