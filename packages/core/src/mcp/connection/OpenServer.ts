/** Opens one connection to a configured server: in its environment, over its transport, in the words that it knows. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Settings, Values } from "../../configuration/Settings.ts"
import { retryPolicyOf } from "../../resilience/Resilience.ts"
import type { Era, Launch } from "../config/Launch.ts"
import type * as McpConfigFiles from "../config/McpConfigFiles.ts"
import * as Itself from "../config/SelfReference.ts"
import type { ServerDefinition } from "../config/ServerDefinition.ts"
import type { Session } from "../McpConnection.ts"
import { McpServerUnavailable } from "../McpError.ts"
import * as ChildEnvironment from "../transport/ChildEnvironment.ts"
import type { McpTransport } from "../transport/McpTransport.ts"
import type { Begins } from "../transport/Opening.ts"
import * as EraMemory from "./EraMemory.ts"
import type { Answering } from "./ServerRequests.ts"

export type OpenServer = (
  definition: ServerDefinition,
  answering: Answering
) => Effect.Effect<Session, McpServerUnavailable, Scope.Scope>

export const make = Effect.fnUntraced(function* (options: {
  readonly settings: Values
  readonly transport: Context.Tag.Service<McpTransport>
  readonly files: Pick<McpConfigFiles.McpConfigFiles, "depth" | "inherited">
}): Effect.fn.Return<OpenServer, never, FileSystem.FileSystem | Path.Path | Settings> {
  const { files, settings, transport } = options
  const eras = yield* EraMemory.make
  const retries = retryPolicyOf(settings)

  return Effect.fnUntraced(function* (definition, answering) {
    const launch = yield* definition.launch.pipe(Effect.orDie) // `definitionOf` lets no other through
    const isProcess = launch._tag === "Stdio"
    const environment = ChildEnvironment.make({
      inherited: yield* files.inherited,
      entry: isProcess ? launch.env : {},
      depth: files.depth
    })
    const connect = Effect.fnUntraced(function* (to: Launch) {
      yield* Effect.logDebug("connecting to an MCP server")
      const { connect } = yield* client
      const channel = yield* transport.open(definition.name, to, environment, retries)
      const known = definition.begins === undefined ? yield* eras.last(definition) : undefined
      const usual = isProcess ? "either" : (channel.begins ?? "legacy")
      const begins = definition.begins ?? (known === undefined ? usual : firstWords(known, usual))
      const note = (now: EraMemory.Known | undefined) =>
        definition.begins === undefined ? eras.note(definition, now) : Effect.void
      const session = yield* connect({
        server: definition.name,
        channel: { ...channel, begins: channel.begins === "legacy" ? "legacy" : begins },
        startTimeout: Duration.max(settings.mcpStartTimeout, definition.startTimeout ?? 0),
        callTimeout: definition.timeout ?? settings.mcpCallTimeout,
        callTotal: settings.mcpCallTotal,
        allows: definition.allows,
        answering,
        greeted: (era, wasSilent) => note(learned({ era, wasSilent, begins, usual, known })),
        // at the next start in the newer words, then
        ...(definition.begins === undefined && known !== "older" && begins !== "modern" && begins !== channel.begins
          ? { knowsNewer: note(isProcess ? "modern" : undefined) }
          : {})
      }).pipe(
        // it may have become one that ends at words it does not know
        Effect.tapError(() => Effect.when(note("older"), () => begins === "modern" && isProcess))
      )
      // a server identifies itself here, whatever command started it
      if (session.implementation.name === Itself.ownName && Itself.isHere(to)) {
        return yield* new McpServerUnavailable({
          server: definition.name,
          reason: "Itself",
          detail: "",
          stderrTail: ""
        })
      }
      return session
    })
    if (launch._tag !== "Http" || launch.kind !== "any") return yield* connect(launch)
    // as the specification says: a server without Streamable HTTP may support the older transport
    return yield* connect(launch).pipe(
      Effect.catchIf(
        ({ status }) => status === 400 || status === 404 || status === 405,
        (first) => Effect.mapError(connect({ ...launch, kind: "sse" }), () => first)
      )
    )
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In which words a server of which something is known is asked first. */
const firstWords = (known: EraMemory.Known, usual: Begins): Begins =>
  known === "modern" ? "modern" : known === "silent" ? "legacy" : usual

/** What is known of a server that has greeted. */
const learned = (facts: {
  readonly era: Era
  /** It did not answer the first words. */
  readonly wasSilent: boolean
  readonly begins: Begins
  readonly usual: Begins
  readonly known: EraMemory.Known | undefined
}): EraMemory.Known | undefined => {
  const { begins, era, known, usual, wasSilent } = facts
  if (era === "modern") return usual === "modern" ? undefined : "modern"
  if (begins === usual && wasSilent) return "silent"
  if (known === "modern") return "older"
  return known
}

/** Loaded with the first server that is used, because it brings the SDK, which would slow down every start. */
const client = Effect.promise(() => import("./McpClient.ts"))
