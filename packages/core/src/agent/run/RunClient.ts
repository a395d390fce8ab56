/**
 * How a run answers requests of its servers: elicitation goes to the person through the adapter, sampling to the model
 * through the run's lease, both as far as the policy allows.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { present } from "../../schema/Fields.ts"
import type { Values } from "../../configuration/Settings.ts"
import { CurrentElicitation } from "../../mcp/Elicitation.ts"
import { CurrentSampling, SamplingRefused, type SamplingHandler } from "../../mcp/Sampling.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import { CurrentApprover } from "../policy/Approval.ts"
import type { RunLog } from "./RunLog.ts"
import * as ToolPolicy from "../policy/ToolPolicy.ts"

/** Wraps the use of a server so that its requests are answered. */
export type RunClient = (server: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Rules of the tool policy that name `elicitation/create` or `sampling/createMessage` decide for the servers they match.
 * Otherwise elicitation is allowed, and sampling depends on `LMS_BRIDGE_MCP_SAMPLING`. `lease` may wait until the model is
 * loaded.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly settings: Values
  readonly log: RunLog
  readonly lease: Effect.Effect<ModelLease>
}) {
  const { lease, log, settings } = options
  const policy = yield* ToolPolicy.CurrentToolPolicy
  const person = yield* CurrentElicitation
  const approver = yield* CurrentApprover

  const answering: SamplingHandler["sample"] = Effect.fnUntraced(function* ({
    maxTokens,
    messages,
    server,
    stop,
    temperature
  }) {
    const held = yield* lease
    const reply = yield* held
      .chat({ messages, maxTokens: Math.min(maxTokens, settings.mcpSamplingTokens), temperature, stop })
      .pipe(Effect.mapError(({ message }) => new SamplingRefused({ server, refused: false, detail: message })))
    const text = `MCP server ${server} queried the model (sampling).`
    yield* log.tell({
      _tag: "Noted",
      kind: "sampling",
      text,
      ...present({ usage: reply.usage })
    })
    return reply
  }, Effect.withSpan("AgentLoop.sample"))

  const samplerFor = (server: string): Option.Option<SamplingHandler> => {
    const decision = ToolPolicy.decisionOn(policy, server, sampling) ?? settings.mcpSampling
    if (decision === "allow") return Option.some({ sample: answering })
    if (decision === "refuse" || Option.isNone(approver)) return Option.none()
    return Option.some({
      sample: (request) =>
        Effect.filterOrFail(
          approver.value({
            server,
            tool: sampling,
            arguments: { messages: request.messages.map(({ content, role }) => ({ role, content })) },
            reason: "the server wants to query the local model (sampling)"
          }),
          (approved) => approved === true,
          () => new SamplingRefused({ server, refused: true, detail: "The person said no." })
        ).pipe(Effect.zipRight(answering(request)))
    })
  }

  const client: RunClient = (server) => {
    const asked = ToolPolicy.decisionOn(policy, server, elicitation) === "refuse" ? Option.none() : person
    const sampler = samplerFor(server)
    const answers = Context.make(CurrentElicitation, asked).pipe(Context.add(CurrentSampling, sampler))
    return (self) => Effect.mapInputContext(self, (context) => Context.merge(context, answers))
  }
  return client
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const elicitation = "elicitation/create"

const sampling = "sampling/createMessage"
