/** An agent loop that plays a given run instead of asking a model: for adapters, which only read events. */
import {
  type AgentEvent,
  type AgentEventBody,
  type AgentOutcome,
  type CallRecord,
  stamp
} from "@lms-bridge/core/AgentEvent"
import { type AgentError, AgentLoop, type AgentTask } from "@lms-bridge/core/AgentLoop"
import { RunId, RunInProgress, RunJournal, RunNotFound } from "@lms-bridge/core/RunJournal"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

/** One step of a played run: an event, some time, a failure, or an endless wait (to be interrupted). */
export type Step =
  | AgentEventBody
  | { readonly _tag: "Wait"; readonly duration: Duration.DurationInput }
  | { readonly _tag: "Fail"; readonly error: AgentError }
  | { readonly _tag: "Never" }

/** What was requested from the loop, and how many runs were stopped before their end. */
export class AgentLoopCalls extends Context.Tag("@lms-bridge/testing/AgentLoopCalls")<
  AgentLoopCalls,
  {
    readonly tasks: Effect.Effect<ReadonlyArray<AgentTask>>
    readonly interrupted: Effect.Effect<number>
  }
>() {}

/** The run id of every played run. */
export const testRunId = RunId.make("run_test000000000000")

/** An outcome `done` with this answer; `changes` replaces fields. */
export const outcome = (answer: string, changes: Partial<AgentOutcome> = {}): AgentOutcome => ({
  status: "done",
  answer,
  cut: false,
  model: "test/model",
  rounds: 1,
  toolCalls: [],
  usage: { inputTokens: 100, outputTokens: 10 },
  millis: 1000,
  missingServers: [],
  ...changes
})

/** A whole run in which the model makes one tool call and answers. */
export const oneCall = (options: {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly result: string
  readonly answer: string
}): ReadonlyArray<Step> => {
  const call: CallRecord = { round: 1, server: options.server, tool: options.tool, isError: false, millis: 12 }
  const reply = { model: "test/model", reasoning: "", firstTokenMillis: 100, totalMillis: 500 }
  return [
    { _tag: "ServersReady", ready: [{ server: options.server, tools: 1 }], missing: [] },
    {
      _tag: "ModelReady",
      ensured: {
        model: "test/model",
        instanceId: "test/model",
        action: "already-loaded",
        owner: "user",
        contextLength: 8192,
        tookMillis: 5,
        steppedDown: []
      }
    },
    { _tag: "ToolsOffered", offered: [options.tool], withheld: 0, estimatedTokens: 80 },
    { _tag: "RoundStarted", round: 1, final: false },
    {
      _tag: "ModelReplied",
      round: 1,
      reply: {
        ...reply,
        content: "",
        toolCalls: [{ id: "call_1", name: options.tool, arguments: JSON.stringify(options.arguments) }],
        finishReason: "tool_calls",
        usage: { inputTokens: 50, outputTokens: 5 }
      }
    },
    {
      _tag: "ToolCallStarted",
      callId: "call_1",
      name: options.tool,
      server: options.server,
      tool: options.tool,
      arguments: options.arguments
    },
    {
      _tag: "ToolCallFinished",
      callId: "call_1",
      server: options.server,
      tool: options.tool,
      told: options.result,
      result: { content: [{ type: "text", text: options.result }], isError: false },
      isError: false,
      bytes: new TextEncoder().encode(options.result).length,
      millis: 12
    },
    { _tag: "RoundStarted", round: 2, final: false },
    { _tag: "TextDelta", text: options.answer },
    {
      _tag: "ModelReplied",
      round: 2,
      reply: {
        ...reply,
        content: options.answer,
        toolCalls: [],
        finishReason: "stop",
        usage: { inputTokens: 50, outputTokens: 5 }
      }
    },
    { _tag: "RunFinished", outcome: outcome(options.answer, { rounds: 2, toolCalls: [call] }) }
  ]
}

/**
 * Plays these steps for every task, after a `RunStarted` with the task. Times come from the clock, so `Wait` follows
 * `TestClock`. The script must end itself: with `RunFinished`, `Fail` or `Never`. Its runs are not written to disk: the
 * separate journal contains only what a test puts there.
 */
export const layerTest = (
  script: ReadonlyArray<Step> | ((task: AgentTask) => ReadonlyArray<Step>)
): Layer.Layer<AgentLoop | AgentLoopCalls | RunJournal> =>
  Layer.merge(
    RunJournal.layerMemory,
    Layer.effectContext(
      Effect.gen(function* () {
        const tasks = yield* Ref.make<ReadonlyArray<AgentTask>>([])
        const interrupted = yield* Ref.make(0)

        const run = (task: AgentTask): Stream.Stream<AgentEvent, AgentError> => {
          const steps: ReadonlyArray<Step> = [
            { _tag: "RunStarted", task },
            ...(typeof script === "function" ? script(task) : script)
          ]
          return Stream.unwrapScoped(
            Effect.gen(function* () {
              yield* Ref.update(tasks, (all) => [...all, task])
              const ended = yield* Ref.make(false)
              yield* Effect.addFinalizer(() =>
                Effect.unlessEffect(
                  Ref.update(interrupted, (n) => n + 1),
                  Ref.get(ended)
                )
              )
              return Stream.fromIterable(steps).pipe(
                Stream.rechunk(1),
                Stream.mapAccumEffect(0, play),
                Stream.filterMap(Option.fromNullable),
                Stream.onEnd(Ref.set(ended, true)),
                Stream.tapError(() => Ref.set(ended, true))
              )
            })
          )
        }

        const begin = (task: AgentTask) =>
          Effect.as(
            Ref.update(tasks, (all) => [...all, task]),
            testRunId
          )
        // a played run has no journal: resuming it plays it from the start
        const resume = (runId: string): Stream.Stream<AgentEvent, AgentError> =>
          Stream.unwrap(
            Effect.map(Ref.get(tasks), (all) => {
              const last = all.at(-1)
              return last === undefined ? Stream.fail(new RunNotFound({ runId })) : run(last)
            })
          )
        const cancel = (runId: string) => Effect.fail(new RunInProgress({ runId }))
        return Context.make(AgentLoop, { check: () => Effect.void, run, resume, begin, cancel }).pipe(
          Context.add(AgentLoopCalls, { tasks: Ref.get(tasks), interrupted: Ref.get(interrupted) })
        )
      })
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const play = (seq: number, step: Step): Effect.Effect<readonly [number, AgentEvent | undefined], AgentError> => {
  switch (step._tag) {
    case "Wait":
      return Effect.as(Effect.sleep(step.duration), [seq, undefined] as const)
    case "Fail":
      return Effect.fail(step.error)
    case "Never":
      return Effect.never
    default:
      return Effect.map(Clock.currentTimeMillis, (at) => [seq + 1, stamp(step, testRunId, seq, at)] as const)
  }
}
