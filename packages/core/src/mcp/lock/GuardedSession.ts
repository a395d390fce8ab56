/**
 * A session that offers only the tools that the user trusts: the one place where other tools are hidden from models and
 * their calls refused.
 */
import * as Effect from "effect/Effect"
import * as Attributes from "../../observability/Attributes.ts"
import type { Session } from "../McpConnection.ts"
import { McpCallFailed } from "../McpError.ts"
import type { ServerDefinition } from "../config/ServerDefinition.ts"
import type { ToolReview } from "./ToolLock.ts"
import type { ToolLockFiles } from "./ToolLockFiles.ts"

export interface GuardedSession extends Session {
  /** The server's current tools, and which of them are withheld. */
  readonly review: Effect.Effect<ToolReview, Effect.Effect.Error<Session["tools"]>>
}

/**
 * A guarded server is asked for its tools before the first call, and again when it says that they have changed: what it
 * offers now counts, not what it offered when the run began.
 */
export const make = (definition: ServerDefinition, session: Session, locks: ToolLockFiles): GuardedSession => {
  const review = Effect.flatMap(session.tools, (tools) => locks.review(definition, tools))
  return {
    ...session,
    review,
    // who asks for a review is told of a broken lock
    tools: Effect.map(
      Effect.tap(review, ({ problem }) => (problem === undefined ? Effect.void : Effect.logWarning(problem.message))),
      ({ locked, tools }) => (locked ? tools.map((tool) => ({ ...tool, trusted: true })) : tools)
    ),
    toolsEdition: Effect.flatMap(session.toolsEdition, (tools) =>
      Effect.map(locks.edition, (lock) => `${tools}.${lock}`)
    ),
    call: (tool, args, options) =>
      Effect.flatMap(locks.isGuarded(definition), (guarded) => (guarded ? refusal(tool) : Effect.void)).pipe(
        Effect.zipRight(Attributes.annotate(Attributes.overNetwork(definition.shown.transport))),
        Effect.zipRight(session.call(tool, args, options))
      )
  }

  function refusal(tool: string) {
    return Effect.flatMap(review, ({ problem, withheld }) => {
      const found = withheld.find((one) => one.tool.name === tool)
      if (found === undefined) return Effect.void
      const what = found.change === "new" ? "It is new" : "It is not what it was"
      const detail = problem?.message ?? `${what}, and nobody has trusted it since.`
      return new McpCallFailed({ server: session.server, tool, reason: "Withheld", detail })
    })
  }
}
