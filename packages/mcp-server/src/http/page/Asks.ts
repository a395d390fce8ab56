/**
 * Calls of runs that wait for a person at the page.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import type { Ask } from "@lms-bridge/page/Page"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export interface Asks {
  /** The person, for one run; `named` says which one it is once it has begun. */
  readonly forRun: () => {
    readonly approver: (request: ApprovalRequest) => Effect.Effect<boolean>
    readonly named: (runId: string) => void
  }
  readonly of: (runId: string) => ReadonlyArray<Ask>
  /** False if nobody waits for it any more. */
  readonly answer: (runId: string, id: string, approved: boolean) => Effect.Effect<boolean>
}

/** `changed` is called with the run whose questions are others now; `changeOf` says what a call would do to a file. */
export const make = (
  changed: (runId: string) => void,
  changeOf: (request: ApprovalRequest) => Effect.Effect<ReadonlyArray<string>>
): Asks => {
  const waiting = new Map<
    string,
    { readonly run: { id: string }; readonly ask: Ask; readonly done: Deferred.Deferred<boolean> }
  >()
  let count = 0
  const of = (runId: string) => [...waiting.values()].filter(({ run }) => run.id === runId).map(({ ask }) => ask)
  return {
    forRun: () => {
      const run = { id: "" }
      return {
        named: (runId) => void (run.id = runId),
        approver: Effect.fnUntraced(function* (request) {
          const { arguments: args, reason, server, tool } = request
          const done = yield* Deferred.make<boolean>()
          const id = String(++count)
          const at = yield* Clock.currentTimeMillis
          const change = yield* changeOf(request)
          waiting.set(id, { run, ask: { id, server, tool, arguments: args, reason, change, at }, done })
          changed(run.id)
          return yield* Effect.ensuring(
            Deferred.await(done),
            Effect.sync(() => {
              waiting.delete(id)
              changed(run.id)
            })
          )
        })
      }
    },
    of,
    answer: (runId, id, approved) => {
      const found = waiting.get(id)
      return found === undefined || found.run.id !== runId
        ? Effect.succeed(false)
        : Deferred.succeed(found.done, approved)
    }
  }
}
