/** One trial: the files, the run, the check, the verdict. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "@effect/platform/Path"
import * as Ref from "effect/Ref"
import { definition, presets } from "../agent/presets/Preset.ts"
import type { AgentEvent, AgentOutcome } from "../agent/rules/AgentEvent.ts"
import type { AgentTask } from "../agent/AgentTask.ts"
import { Settings, type Values } from "../configuration/Settings.ts"
import type { DefinedServer } from "../mcp/config/DefinedServer.ts"
import { countsForNothing } from "../models/Faults.ts"
import { present } from "../schema/Fields.ts"
import * as RunAccount from "../runs/RunAccount.ts"
import * as Checking from "./Checking.ts"
import type { NamedTask } from "./EvalFile.ts"
import type { EvalTask } from "./EvalTask.ts"
import * as Judge from "./Judge.ts"
import { place, type Planned, type Trial, type Variant, type Verdict } from "./Trial.ts"
import * as TrialFolder from "./TrialFolder.ts"
import * as TrialRuns from "./TrialRuns.ts"

/** Whatever goes wrong is part of the result. `onEvent` gets the events of the run. */
export const make = Effect.fn("Eval.trial")(function* (
  planned: Planned,
  source: TrialRuns.Source,
  where: Omit<Checking.Places, "tasks">,
  onEvent: (event: AgentEvent) => Effect.Effect<void>
) {
  const path = yield* Path.Path
  const { number, task: named, variant } = planned
  const { check } = named.task
  const places = { ...where, tasks: named.folder }
  const known = yield* Ref.make(Option.none<RunAccount.RunAccount>())
  const judging = yield* Ref.make(Option.none<RunAccount.RunAccount>())
  const spent = yield* Ref.make(0)
  const since = yield* Clock.currentTimeMillis

  const carriedOut = Effect.gen(function* (): Effect.fn.Return<Found, Failure, Needs> {
    const recordings = yield* TrialRuns.folderOf(source, place(planned))
    const fileOf = (name: string) => (recordings === undefined ? undefined : path.join(recordings, name))
    const run = (task: AgentTask, file: string, account: typeof known, tell: typeof onEvent) =>
      TrialRuns.run({ source, file: fileOf(file), folder: places.folder, task, known: account, onEvent: tell }).pipe(
        Effect.tap(({ outcome }) => Ref.update(spent, (millis) => millis + outcome.millis))
      )
    yield* TrialFolder.setUp(named, places)
    const task = taskOf(named, variant, yield* Settings, {
      folder: places.folder,
      memory: path.join(places.beside, "memory.jsonl")
    })
    const { account, outcome } = yield* run(task, "run.jsonl", known, onEvent)
    const files = fileOf("files")
    if (files !== undefined) {
      yield* source._tag === "Record"
        ? TrialFolder.keep(places.folder, files)
        : TrialFolder.restore(files, places.folder)
    }
    const unasked =
      account.unasked.length === 0
        ? ""
        : ` Not run, because nobody is asked in an eval: ${account.unasked.join(", ")}. \`allow\` in the task allows it.`
    if (outcome.status !== "done") {
      const { problem } = outcome
      const why = `${problem?.message ?? endings[outcome.status] ?? outcome.status}${unasked}`
      return problem !== undefined && countsForNothing(problem.tag)
        ? { verdict: "error", why, problem }
        : { verdict: "not-done", why }
    }
    const wrong = yield* Checking.byRules(check, outcome, places)
    if (wrong !== undefined) return { verdict: "wrong", why: `${wrong}.${unasked}` }
    if (check.judge === undefined) return { verdict: "passed" }
    const shown = yield* Effect.forEach(check.judge.files ?? [], (name) =>
      Effect.map(Checking.textOf(places.folder, name), (text = "(There is no such file.)") => ({ name, text }))
    )
    const judge = Judge.task(check.judge, task.task, outcome.answer, shown)
    const judged = yield* run(judge, "judge.jsonl", judging, () => Effect.void)
    const decided = Judge.decided(judged.outcome)
    if (Option.isNone(decided)) {
      const detail = `the judge did not decide: ${judged.outcome.problem?.message ?? judged.outcome.status}`
      return yield* new Checking.EvalCheckImpossible({ detail })
    }
    const { why, yes } = decided.value
    return yes ? { verdict: "passed" } : { verdict: "wrong", why: `the judge says no: ${why}` }
  })

  const found = yield* Effect.catchAll(carriedOut, (error) =>
    Effect.succeed<Found>({
      verdict: "error",
      why: error.message,
      problem: { tag: error._tag, message: error.message }
    })
  )
  const accounts = [...Option.toArray(yield* Ref.get(known)), ...Option.toArray(yield* Ref.get(judging))]
  const [account] = accounts
  const usages = accounts.map(({ state }) => state.usage)
  const elapsed = (yield* Clock.currentTimeMillis) - since
  const trial: Trial = {
    task: named.name,
    variant,
    number,
    ...found,
    judged: check.judge !== undefined && accounts.length > 1,
    ...present({
      runId: source._tag === "Replay" ? undefined : account?.runId,
      model: account === undefined ? undefined : RunAccount.model(account)
    }),
    rounds: account?.state.rounds ?? 0,
    toolCalls: account?.state.calls.length ?? 0,
    usage: {
      inputTokens: usages.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
      outputTokens: usages.reduce((sum, { outputTokens }) => sum + outputTokens, 0)
    },
    millis: found.verdict === "error" && source._tag !== "Replay" ? elapsed : yield* Ref.get(spent)
  }
  return trial
})

/** What a run of the task needs, to see beforehand whether it can start. */
export const taskOf = (
  { server, task }: NamedTask,
  variant: Variant,
  settings: Values,
  places: { readonly folder: string; readonly memory: string }
): AgentTask => {
  const { limits = {}, presets: names = [], servers = [] } = task
  const defined = [
    ...names.map((name) => serverOf(name, places)),
    ...(server === undefined ? [] : [server(places.folder)])
  ]
  const approved = [...names.flatMap((name) => presets[name].approved), ...(task.allow ?? [])]
  return {
    task: task.task.replaceAll("{folder}", places.folder),
    servers: servers.length === 0 ? { _tag: "None" } : { _tag: "Named", names: servers },
    ...(defined.length === 0 ? {} : { definedServers: defined }),
    ...(names.length + servers.length === 0 ? {} : { workingFolders: [places.folder] }),
    budgets: {
      rounds: limits.rounds ?? settings.maxRounds,
      wallMillis: Duration.toMillis(limits.time ?? settings.runTimeout),
      toolCalls: limits.toolCalls ?? settings.maxToolCalls,
      ...present({ tokens: limits.tokens })
    },
    exclusionsMatch: true,
    ...variant,
    ...(approved.length === 0 ? {} : { approvedTools: approved }),
    ...present({
      allowedTools: task.tools,
      excludedTools: task.excludeTools,
      instructions: task.system,
      outputSchema: task.outputSchema
    })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Found extends Pick<Trial, "why" | "problem"> {
  readonly verdict: Verdict
}

type Failure =
  | Effect.Effect.Error<ReturnType<typeof TrialRuns.run>>
  | Effect.Effect.Error<ReturnType<typeof TrialRuns.folderOf>>
  | Checking.EvalCheckImpossible

type Needs = Effect.Effect.Context<ReturnType<typeof TrialRuns.run | typeof Checking.byRules>> | Settings

const endings: Readonly<Partial<Record<AgentOutcome["status"], string>>> = {
  budget: "a limit of the run was reached",
  stalled: "the run went in circles"
}

/** Always the well-known server: the person's own may know more than a fresh one, or keep what it is told. */
const serverOf = (
  name: NonNullable<EvalTask["presets"]>[number],
  places: { folder: string; memory: string }
): DefinedServer => {
  const preset = presets[name]
  const server = definition(preset, { folders: [places.folder], file: undefined })
  return preset.file === undefined || !("command" in server)
    ? server
    : { ...server, env: { ...server.env, [preset.file.variable]: places.memory } }
}
