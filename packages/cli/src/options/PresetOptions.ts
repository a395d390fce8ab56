/** Well-known servers without an mcp.json: `--files DIR`, `--memory`, `--fetch`. */
import * as Options from "@effect/cli/Options"
import { type AgentTask, type PresetName, Presets } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"

export const options = {
  files: Options.text("files").pipe(
    Options.withDescription(
      "Let the model work on the files of this folder, by the well-known filesystem server; what changes a file asks you first."
    ),
    Options.withPseudoName("DIR"),
    Options.repeated
  ),
  memory: Options.boolean("memory").pipe(
    Options.withDescription("Give the model a memory that is kept, by the well-known memory server.")
  ),
  fetch: Options.boolean("fetch").pipe(
    Options.withDescription("Let the model read web pages, by the well-known fetch server.")
  )
}

export interface Wanted {
  readonly files: ReadonlyArray<string>
  readonly memory: boolean
  readonly fetch: boolean
}

export const isWanted = ({ fetch, files, memory }: Wanted): boolean => files.length > 0 || memory || fetch

/** The task with these servers besides its own. At a terminal nothing of a preset is approved beforehand. */
export const added = Effect.fnUntraced(function* (task: AgentTask, { fetch, files, memory }: Wanted) {
  const presets = yield* Presets
  const names: ReadonlyArray<PresetName> = [
    ...(files.length > 0 ? ["filesystem" as const] : []),
    ...(memory ? ["memory" as const] : []),
    ...(fetch ? ["fetch" as const] : [])
  ]
  const uses = yield* Effect.forEach(names, (name) => presets.use(name, { folders: files }))
  const configured = uses.flatMap(({ task: { servers } }) => (servers._tag === "Named" ? servers.names : []))
  const before = task.servers
  return {
    ...task,
    servers:
      before._tag === "All" || configured.length === 0
        ? before
        : {
            _tag: "Named" as const,
            names: [...new Set([...(before._tag === "Named" ? before.names : []), ...configured])]
          },
    definedServers: [...(task.definedServers ?? []), ...uses.flatMap((use) => use.task.definedServers ?? [])],
    workingFolders: [
      ...new Set([...(task.workingFolders ?? []), ...uses.flatMap((use) => use.task.workingFolders ?? [])])
    ]
  }
})
