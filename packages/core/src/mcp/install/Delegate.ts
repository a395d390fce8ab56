/**
 * The delegate: files of a client that tell it when and how to hand work to lms-bridge. Files that somebody else wrote or
 * changed are left alone.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { writeWhole } from "../../machine/writeWhole.ts"
import { ClientFileError } from "./ClientFileError.ts"
import type { Machine, Scope } from "./ClientPlaces.ts"
import type { Client } from "./ClientRules.ts"
import * as DelegateTexts from "./DelegateTexts.ts"

export interface DelegateFile {
  readonly kind: "skill" | "subagent"
  readonly path: string
  /** What lms-bridge writes. */
  readonly text: string
}

/** What a file is now: not there, as wanted, as another version wrote it, or somebody else's. */
export type State = "absent" | "same" | "older" | "foreign"

export interface Found extends DelegateFile {
  readonly state: State
}

/** The files of a client; none where it reads none, or where their folder is unknown. */
export const files = (
  path: Path.Path,
  machine: Machine,
  { client, name, scope }: { readonly client: Client; readonly scope: Scope; readonly name: string }
): ReadonlyArray<DelegateFile> => {
  const place = (parts: Parts | undefined) =>
    parts === undefined || parts[0] === undefined ? undefined : path.join(parts[0], ...parts.slice(1).map(String))
  const { agents, format, skills } = placesOf(client, machine, scope)
  const own = DelegateTexts.nameOf(name)
  const [skillFolder, agentFolder] = [place(skills), place(agents)]
  return [
    ...(skillFolder === undefined
      ? []
      : [{ kind: "skill" as const, path: path.join(skillFolder, own, "SKILL.md"), text: DelegateTexts.skill(name) }]),
    ...(agentFolder === undefined || format === undefined
      ? []
      : [
          {
            kind: "subagent" as const,
            path: path.join(agentFolder, `${own}${endings[format] ?? ".md"}`),
            text: DelegateTexts.agent(format, name)
          }
        ])
  ]
}

/** The skill itself, for a server of this name. */
export const skillOf = (server: string) => ({
  name: DelegateTexts.nameOf(server),
  description: DelegateTexts.description(server),
  text: DelegateTexts.skill(server)
})

/** The files with what they are now. */
export const look = Effect.fn("Delegate.look")(function* (all: ReadonlyArray<DelegateFile>) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.forEach(all, (file) =>
    fs.readFileString(file.path).pipe(
      Effect.map((text): Found => {
        const isOurs = DelegateTexts.isUnchanged(text)
        return { ...file, state: text === file.text ? "same" : isOurs ? "older" : "foreign" }
      }),
      Effect.catchAll((error) =>
        error._tag === "SystemError" && error.reason === "NotFound"
          ? Effect.succeed<Found>({ ...file, state: "absent" })
          : Effect.fail(new ClientFileError({ reason: "NotReadable", path: file.path, detail: `${error.message}.` }))
      )
    )
  )
})

/** Writes a file, and the folders that it needs. */
export const write = Effect.fn("Delegate.write")(function* ({ path: place, text }: DelegateFile) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.zipRight(
    fs.makeDirectory(path.dirname(place), { recursive: true }),
    writeWhole(place, text, { mode: 0o644 })
  ).pipe(Effect.mapError((error) => notWritten(place, error)))
})

/** Removes a file, and the folder of a skill if nothing else is in it. */
export const remove = Effect.fn("Delegate.remove")(function* ({ kind, path: place }: DelegateFile) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* Effect.mapError(fs.remove(place), (error) => notWritten(place, error))
  if (kind === "skill") {
    const folder = path.dirname(place)
    const rest = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [""])
    if (rest.length === 0) yield* Effect.ignore(fs.remove(folder, { recursive: true }))
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A base folder, undefined if unknown, and the path below it. */
type Parts = readonly [folder: string | undefined, ...below: ReadonlyArray<string>]

interface Places {
  readonly skills?: Parts
  readonly agents?: Parts
  readonly format?: DelegateTexts.AgentFormat
}

const endings: Partial<Record<DelegateTexts.AgentFormat, string>> = { codex: ".toml", copilot: ".agent.md" }

const placesOf = (client: Client, machine: Machine, scope: Scope): Places => {
  const { claudeHome, codexHome, configHome, cwd, home } = machine
  const isProject = scope === "project"
  const base = isProject ? cwd : home
  // the folder that several clients read
  const shared: Parts = [base, ".agents", "skills"]
  const inFolder = (folder: string): Pick<Places, "skills" | "agents"> => ({
    skills: [base, folder, "skills"],
    agents: [base, folder, "agents"]
  })
  switch (client) {
    case "claude-code": {
      const own: Parts = isProject || claudeHome === undefined ? [base, ".claude"] : [claudeHome]
      return { skills: [...own, "skills"], agents: [...own, "agents"], format: "claude" }
    }
    case "cursor":
      return { ...inFolder(".cursor"), format: "cursor" }
    case "gemini":
      return { ...inFolder(".gemini"), format: "gemini" }
    case "vscode":
    case "copilot":
      return { ...inFolder(isProject ? ".github" : ".copilot"), format: "copilot" }
    case "opencode": {
      const config: Parts = configHome === undefined ? [home, ".config", "opencode"] : [configHome, "opencode"]
      const own: Parts = isProject ? [cwd, ".opencode"] : config
      return { skills: [...own, "skills"], agents: [...own, "agents"], format: "opencode" }
    }
    case "codex": {
      const own: Parts = isProject || codexHome === undefined ? [base, ".codex"] : [codexHome]
      return { skills: shared, agents: [...own, "agents"], format: "codex" }
    }
    case "zed":
    case "goose":
      return { skills: shared }
    case "windsurf":
      return { skills: isProject ? [cwd, ".windsurf", "skills"] : [home, ".codeium", "windsurf", "skills"] }
    case "cline":
      return { skills: [base, ".cline", "skills"] }
    case "junie":
      return { skills: [base, ".junie", "skills"] }
    case "claude-desktop":
    case "lmstudio":
      return {}
  }
}

const notWritten = (path: string, { message }: { readonly message: string }) =>
  new ClientFileError({ reason: "NotWritable", path, detail: `${message}.` })
