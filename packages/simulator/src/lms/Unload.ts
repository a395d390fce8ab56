/** `lms unload` (contract F2): exact identifiers only, and exit 0 for some unknown ones. */
import * as Effect from "effect/Effect"
import type { Command, Session } from "./Session.ts"
import { connect, fail, prompt } from "./Session.ts"
import { hostOptions, logOptions } from "./Usage.ts"

export const unload: Command = {
  shape: {
    name: "unload",
    argument: { name: "identifier", required: false },
    options: [{ long: "--all", short: "-a" }, ...hostOptions, ...logOptions]
  },
  since: 202404,
  run: Effect.fnUntraced(function* (session: Session) {
    const { argument, flags } = session.parsed
    if (flags.has("--all") && argument !== undefined) {
      yield* session.err(
        "Invalid Usage\n\nYou cannot provide both the identifier and the flag --all. Please provide only one."
      )
      return 0
    }
    yield* connect(session)
    if (flags.has("--all")) return yield* unloadAll(session)
    if (argument !== undefined) return yield* unloadOne(session, argument)
    const { instances } = yield* session.world.state.get
    const [first, second] = instances
    if (first === undefined) {
      return yield* fail(session, `You don't have any models loaded. Use "lms load" to load a model.`)
    }
    // Before August 2025 there was a prompt even for a single model.
    if (second !== undefined || session.settings.cliSince < 202508) {
      yield* prompt(session, "Select a model to unload")
    }
    return yield* unloadOne(session, first.id)
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const unloadOne = (session: Session, id: string) =>
  session.world.state.unload(id, "cli").pipe(
    Effect.zipRight(session.err(`Model "${id}" unloaded.`)),
    Effect.catchTag("SimulatedNoSuchInstance", () =>
      session.err(`Model Not Found\n\nCannot find a model with the identifier "${id}".`)
    ),
    Effect.as(0)
  )

const unloadAll = Effect.fnUntraced(function* (session: Session) {
  const { instances } = yield* session.world.state.get
  if (instances.length === 0) {
    yield* session.err("No models to unload.")
    return 0
  }
  yield* Effect.forEach(instances, (instance) =>
    Effect.zipRight(
      session.err(`Unloading "${instance.id}"...`),
      // If it is gone by now, the goal is reached.
      Effect.ignore(session.world.state.unload(instance.id, "cli"))
    )
  )
  yield* session.err(`Unloaded ${instances.length} ${instances.length === 1 ? "model" : "models"}.`)
  return 0
})
