/**
 * The person at the terminal as the approver of a run: shows the call and what it would change, and asks until there is an
 * answer. What the person allows for the run or for ever is not asked again.
 */
import {
  allowAlways,
  type Approval,
  type ApprovalRequest,
  policyPlace,
  type PolicyPlace
} from "@lms-bridge/core/AgentLoop"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Palette from "../../views/Palette.ts"
import * as Words from "../../views/Words.ts"
import { Screen } from "../Screen.ts"
import * as FileBefore from "./FileBefore.ts"
import * as FileEdit from "./FileEdit.ts"
import * as Question from "./Question.ts"

export interface Surroundings {
  /** The folders of the task; none for a task that names none. */
  readonly folders: Effect.Effect<ReadonlyArray<string>>
  /** Completes when all that precedes the question is on the screen. */
  readonly ready: Effect.Effect<unknown>
}

/** None where nobody can be asked. One approver is for one run. */
export const make = Effect.fnUntraced(function* ({ folders, ready }: Surroundings) {
  const screen = yield* Screen
  const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const place = yield* policyPlace
  const allowed = yield* Ref.make<ReadonlySet<string>>(new Set())
  return Option.map(
    screen.prompt,
    (prompt) =>
      (request: ApprovalRequest): Effect.Effect<Approval> =>
        Effect.gen(function* () {
          const key = `${request.server}\n${request.tool}`
          if ((yield* Ref.get(allowed)).has(key)) return true
          const change = yield* changeOf(request, yield* folders)
          yield* ready
          // another call of the tool may have been answered meanwhile
          if ((yield* Ref.get(allowed)).has(key)) return true
          const policy = Option.filter(place, () => !key.includes("*"))
          const answer = yield* asked(screen, prompt, request, change, Option.getOrUndefined(policy))
          if (answer === "run" || answer === "always") yield* Ref.update(allowed, (before) => new Set(before).add(key))
          return answer !== "no"
        }).pipe(Effect.provide(context))
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Prompt = Option.Option.Value<(typeof Screen.Service)["prompt"]>

/** The end of the input is a no. */
const asked = Effect.fnUntraced(function* (
  screen: typeof Screen.Service,
  prompt: Prompt,
  request: ApprovalRequest,
  change: ReadonlyArray<string>,
  policy: PolicyPlace | undefined
) {
  const style: Question.Style = { palette: Palette.of(screen), policy: policy?.path }
  let question = Question.text(request, change, style)
  for (;;) {
    const typed = yield* prompt(question)
    if (Option.isNone(typed)) return "no"
    const answer = Question.answerOf(typed.value, style)
    if (answer === undefined) question = Question.again(typed.value, style)
    else if (answer === "details") question = `${Question.details(request)}\n${Question.text(request, change, style)}`
    else {
      if (answer === "always" && policy !== undefined) yield* remember(screen, policy, request)
      return answer
    }
  }
})

const remember = (screen: typeof Screen.Service, policy: PolicyPlace, { server, tool }: ApprovalRequest) =>
  allowAlways(policy, { server, tool }).pipe(
    Effect.matchEffect({
      onFailure: ({ message }) => screen.err(`lms-bridge: ${Words.oneLine(message)} It is allowed in this run only.`),
      onSuccess: () => screen.err(`  Written to ${policy.path}: ${server} ${tool} is allowed.`)
    })
  )

const changeOf = Effect.fnUntraced(function* (request: ApprovalRequest, folders: ReadonlyArray<string>) {
  const edit = FileEdit.of(request)
  if (edit === undefined) return []
  const found = yield* FileBefore.of(edit.path, folders)
  return found === "unread" ? [] : yield* FileEdit.lines(edit, found)
})
