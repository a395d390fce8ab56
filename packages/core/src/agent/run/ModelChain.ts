/**
 * The models of a task, in order: the first that can be had and that lacks nothing of what the task needs. What was passed
 * over, and why, is part of what is ensured.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { Ensured } from "../../models/Ensured.ts"
import { countsForNothing } from "../../models/Faults.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import type { Ability } from "../../models/ModelUnfit.ts"
import type { Needs } from "../../models/EnsureOptions.ts"
import { NoModelLeft } from "../NoModelLeft.ts"
import type { AgentState } from "../rules/AgentState.ts"
import * as HandingOver from "../rules/HandingOver.ts"
import { CurrentRun } from "./CurrentRun.ts"

/** `take` leases one by its name. */
export const lease = Effect.fnUntraced(function* <R>(
  take: (name: string | undefined, ability: Ability) => Effect.Effect<ModelLease, ModelLifecycleError, R>
): Effect.fn.Return<
  { readonly lease: ModelLease; readonly ensured: Ensured },
  ModelLifecycleError | NoModelLeft,
  R | CurrentRun | Scope.Scope
> {
  const { log, services } = yield* CurrentRun
  const { state } = log
  const chain = HandingOver.left(state)
  const handedOver = state.passedOver.length > 0
  const needs = needsOf(state)
  const passed: Array<Ensured["steppedDown"][number]> = []
  let engineFailures = 0
  for (const [index, name] of chain.entries()) {
    const isFirst = index === 0 && !handedOver
    const to = chain[index + 1]
    const passOver = Effect.fnUntraced(function* (reason: string) {
      const model = name ?? "default"
      passed.push({ model, reason })
      if (to === undefined) return
      yield* Effect.logInfo("stepping down to another model", { model, to, reason })
      yield* log.tell({ _tag: "Preparing", what: `Using ${to} instead of ${model}: ${reason}` })
    })
    // the first one is what the person asked for
    const lacks = isFirst || name === undefined ? undefined : yield* services.suitability.lacking(name, needs)
    if (lacks !== undefined) {
      yield* passOver(lacks)
      continue
    }
    const taken = yield* Effect.either(take(name, needs.images === true && !isFirst ? "vision" : "chat"))
    if (Either.isRight(taken)) {
      const ensured = yield* taken.right.ensured
      return {
        lease: handedOver ? patient(taken.right, log.tell) : taken.right,
        ensured: { ...ensured, steppedDown: [...passed, ...ensured.steppedDown] }
      }
    }
    const error = taken.left
    if (chain.length === 1 && !handedOver) return yield* error
    // what fails them all is not for a list of models
    if (countsForNothing(error._tag)) return yield* error
    yield* passOver(error.message)
    if (error._tag === "ModelLoadFailed" && error.reason === "Engine") engineFailures += 1
    // an engine that has crashed with two models is itself at fault (H20)
    if (engineFailures >= 2) break
  }
  return yield* new NoModelLeft({ tried: [...state.passedOver, ...passed] })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of the conversation as it is now; what can be left out of it does not count. */
const needsOf = ({ messages, offered, task }: AgentState): Needs => ({
  images: messages.some(
    ({ content }) => Array.isArray(content) && content.some((part: { readonly type: string }) => part.type === "image")
  ),
  tools: task.servers._tag !== "None" || (task.definedServers ?? []).length > 0 || offered.length > 0,
  schema: task.outputSchema !== undefined,
  contextLength: task.contextLength,
  tokens: messages.slice(0, 1).reduce((sum, message) => sum + TokenCount.ofMessage(message), 0)
})

/** The breaker may be open because of the model before: nothing was sent, so that the request waits for it once. */
const patient = (held: ModelLease, tell: typeof CurrentRun.Service.log.tell): ModelLease => ({
  ...held,
  chatWith: (request, onEvent, limits) =>
    Effect.catchIf(held.chatWith(request, onEvent, limits), isOpen, (error) =>
      tell({ _tag: "Preparing", what: error.message }).pipe(
        Effect.zipRight(Effect.sleep(error.retryAfter)),
        Effect.zipRight(held.chatWith(request, onEvent, limits))
      )
    )
})

const isOpen = (error: unknown): error is Extract<ModelLifecycleError, { readonly _tag: "CircuitOpen" }> =>
  Predicate.isTagged(error, "CircuitOpen")
