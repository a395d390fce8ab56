/** What prevents a task from starting, as far as that is known without starting a server or loading a model. */
import * as Effect from "effect/Effect"
import type { AgentError } from "../AgentError.ts"
import type { AgentTask } from "../AgentTask.ts"
import type { Services } from "./CurrentRun.ts"

/** The names of the servers, of the skills and of the model. A look that takes long tells nothing: the run itself will. */
export const check = (
  { lifecycle, registry, skills: known }: Pick<Services, "lifecycle" | "registry" | "skills">,
  {
    definedServers = [],
    fallback = [],
    model,
    servers,
    skills = []
  }: Pick<AgentTask, "servers" | "definedServers" | "model" | "fallback" | "skills">
): Effect.Effect<void, AgentError> => {
  const own = new Set(definedServers.map(({ name }) => name))
  const named = servers._tag === "Named" ? servers.names.filter((name) => !own.has(name)) : []
  return Effect.all(
    [
      Effect.forEach(named, registry.usable, { discard: true }),
      known.chosen(skills),
      // one that exists is enough
      Effect.firstSuccessOf([model, ...fallback].map((name) => lifecycle.resolve(name, "chat"))).pipe(
        Effect.timeoutOption(patience)
      )
    ],
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.withSpan("AgentLoop.check"))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** LM Studio may have to be started first. */
const patience = "5 seconds"
