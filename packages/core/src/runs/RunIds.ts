/** How people name a run, and the errors of that. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { sizeOf } from "../resilience/ByteLimits.ts"
import { nearest } from "../names/nearest.ts"
import { RunId } from "../observability/Correlation.ts"

export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  runId: Schema.String,
  nearest: optional(Schema.Array(Schema.String)),
  /** The journal exists, but has more bytes than this. */
  most: optional(Schema.Int)
}) {
  readonly retryable = false
  override get message() {
    const { most, nearest = [] } = this
    if (most !== undefined) {
      return `The journal of the run "${this.runId}" is larger than ${sizeOf(most)}, so it is not read. \`lms-bridge runs rm ${this.runId}\` removes it.`
    }
    const hint = nearest.length === 0 ? "" : `Did you mean ${nearest.join(" or ")}? `
    return `There is no run "${this.runId}". ${hint}\`lms-bridge runs ls\` lists the stored runs.`
  }
}

/** A prefix that the ids of several runs share. */
export class RunAmbiguous extends Schema.TaggedError<RunAmbiguous>()("RunAmbiguous", {
  prefix: Schema.String,
  matches: Schema.Array(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    const { length } = this.matches
    const some = this.matches.slice(0, 5).join(", ")
    return `"${this.prefix}" matches ${length} runs: ${some}${length > 5 ? ", …" : ""}. Give more of the id.`
  }
}

/** The run is in progress, so it can be neither resumed nor removed. */
export class RunInProgress extends Schema.TaggedError<RunInProgress>()("RunInProgress", {
  runId: Schema.String,
  pid: optional(Schema.String)
}) {
  readonly retryable = true
  override get message() {
    const where = this.pid === undefined ? "" : ` in process ${this.pid}`
    return `The run ${this.runId} is still in progress${where}. Wait until it ends, or stop it there.`
  }
}

/** Another process has written to the journal of the run since, so that this one may not go on with it. */
export class RunTakenOver extends Schema.TaggedError<RunTakenOver>()("RunTakenOver", { runId: Schema.String }) {
  readonly retryable = false
  override get message() {
    return `The run ${this.runId} is carried out elsewhere by now, so it was ended here.`
  }
}

/** The run that `text` names: an id or a prefix of one, with or without `run_`, or `last`, which is `newest`. */
export const meant = (
  text: string,
  ids: ReadonlyArray<string>,
  newest: string | undefined
): Either.Either<RunId, RunNotFound | RunAmbiguous> => {
  const matches =
    text === "last"
      ? Option.toArray(Option.fromNullable(newest))
      : text === "" || text === idStart
        ? []
        : ids.includes(text)
          ? [text]
          : ids.filter((id) => id.startsWith(text) || id.startsWith(`${idStart}${text}`))
  const [only] = matches
  if (only === undefined) return Either.left(new RunNotFound({ runId: text, nearest: nearest(text, ids) }))
  return matches.length === 1
    ? Either.right(RunId.make(only))
    : Either.left(new RunAmbiguous({ prefix: text, matches }))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const idStart = "run_"
