/** Adds lms-bridge to the configuration of MCP clients, and removes it; nothing else in the file changes. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ClientFileError } from "./ClientFileError.ts"
import { present } from "../../schema/Fields.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import * as ClientPlaces from "./ClientPlaces.ts"
import * as ConfigText from "../dialects/ConfigText.ts"
import * as JsoncEdit from "./JsoncEdit.ts"
import type * as JsoncText from "../../json/JsoncText.ts"
import { isItself } from "../config/SelfReference.ts"

/** How the server is started, as words that need no shell. */
export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

export interface Target {
  readonly client: ClientPlaces.Client
  readonly scope: ClientPlaces.Scope
  /** The name of the entry. */
  readonly name: string
  /** Whether an entry with that name that is not lms-bridge may be overwritten or removed. */
  readonly force: boolean
}

/** What is about to be written. `changes` is empty when the file is already as wanted. */
export interface Plan {
  /** Absent for an mcp.json of the user. */
  readonly client?: ClientPlaces.Client | undefined
  /** The path that the client uses, which may be a symbolic link. */
  readonly path: string
  readonly changes: ReadonlyArray<JsoncEdit.Change>
  /** Whether there already is an entry with that name. */
  readonly present: boolean
  /** Other entries that start lms-bridge. */
  readonly others: ReadonlyArray<string>
  /** The current text; undefined when there is no file. */
  readonly before: string | undefined
  readonly after: string
  /** The encoding of the text, which stays. */
  readonly format: Format
}

/** In the file of a client. */
export interface ClientPlan extends Plan {
  readonly client: ClientPlaces.Client
}

export type Format = Pick<ConfigText.Decoded, "encoding" | "marked">

/** The result of writing. `backup` is a copy of the file as it was before; undefined when there was none. */
export interface Written {
  readonly backup: string | undefined
}

/** This machine, with the given platform name. */
export const machine = Effect.fnUntraced(function* (platform: string) {
  const path = yield* Path.Path
  const home = yield* variable("HOME")
  return {
    platform,
    cwd: path.resolve(),
    home: platform === "win32" ? ((yield* variable("USERPROFILE")) ?? home) : home,
    appData: yield* variable("APPDATA"),
    configHome: yield* variable("XDG_CONFIG_HOME"),
    claudeHome: yield* variable("CLAUDE_CONFIG_DIR")
  } satisfies ClientPlaces.Machine
})

/** The changes of adding lms-bridge. */
export const planInstall = Effect.fn("ClientFiles.planInstall")(function* (
  machine: ClientPlaces.Machine,
  target: Target,
  { args, command, env }: Program
) {
  const { section, typed } = ClientPlaces.rules[target.client]
  const entry = {
    ...(typed ? { type: "stdio" } : {}),
    command,
    args,
    ...(Object.keys(env).length === 0 ? {} : { env })
  }
  return yield* plan(machine, target, (text, present) =>
    JsoncEdit.set(text, { section, name: target.name }, entry, isOurs(present) ? "merge" : "replace")
  )
})

/** The changes of removing it. */
export const planUninstall = Effect.fn("ClientFiles.planUninstall")(function* (
  machine: ClientPlaces.Machine,
  target: Target
) {
  const { section } = ClientPlaces.rules[target.client]
  return yield* plan(machine, target, (text, present) =>
    present === undefined ? Either.right({ text, changes: [] }) : JsoncEdit.remove(text, { section, name: target.name })
  )
})

/** An entry of an mcp.json: a program and its words, or an address. */
export type ServerEntry =
  | { readonly command: string; readonly args: ReadonlyArray<string>; readonly env?: Readonly<Record<string, string>> }
  | { readonly url: string; readonly headers?: Readonly<Record<string, string>> }

/** The changes of adding a server to this mcp.json, or of replacing it with `force`. */
export const planAdd = Effect.fn("ClientFiles.planAdd")(function* (
  file: string,
  { entry, force, name }: { readonly name: string; readonly entry: ServerEntry; readonly force: boolean }
) {
  const section = sectionOf(file)
  return yield* planAt({ path: file, section, name }, { takes: (present) => force || present === undefined }, (text) =>
    JsoncEdit.set(text, { section, name }, { ...entry }, "replace")
  )
})

/** The changes of removing one; none where there is no such server. */
export const planRemove = Effect.fn("ClientFiles.planRemove")(function* (file: string, name: string) {
  const section = sectionOf(file)
  return yield* planAt({ path: file, section, name }, { takes: () => true }, (text, present) =>
    present === undefined ? Either.right({ text, changes: [] }) : JsoncEdit.remove(text, { section, name })
  )
})

/** Writes the plan atomically, to the target of a symbolic link, and keeps a copy of the file as it was. */
export const write = Effect.fn("ClientFiles.write")(function* ({ after, before, client, format, path: link }: Plan) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if ((yield* read(client, link))?.text !== before) {
    return yield* new ClientFileError({ ...present({ client }), reason: "Changed", path: link, detail: "" })
  }
  const file = yield* destination(link)
  const stamp = DateTime.formatIso(yield* DateTime.now)
    .replaceAll(/[^\d]/g, "")
    .slice(0, 17)
  const backup = before === undefined ? undefined : `${file}.${stamp}.bak`
  const steps = Effect.gen(function* () {
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    const mode = before === undefined ? 0o600 : (yield* fs.stat(file)).mode & 0o777
    if (backup !== undefined) yield* fs.copyFile(file, backup)
    yield* writeWhole(file, ConfigText.encode(after, format), {
      exclusive: true,
      mode,
      temporary: `${file}.${stamp}.new`
    })
  })
  yield* Effect.uninterruptible(steps).pipe(
    Effect.mapError(
      ({ message }) =>
        new ClientFileError({ ...present({ client }), reason: "NotWritable", path: link, detail: `${message}.` })
    )
  )
  return { backup } satisfies Written
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const variable = (name: string) =>
  Effect.map(Effect.option(Config.string(name)), (value) =>
    Option.getOrUndefined(Option.filter(value, (text) => text !== ""))
  )

const decodeStart = Schema.decodeUnknownOption(
  Schema.Struct({
    command: Schema.String,
    args: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
  })
)

const isOurs = (entry: unknown) => Option.exists(decodeStart(entry), isItself)

/** VS Code has another name for it. */
const sectionOf = (file: string) => (/[/\\]\.vscode[/\\]mcp\.json$/.test(file) ? "servers" : "mcpServers")

const plan = Effect.fnUntraced(function* (
  machine: ClientPlaces.Machine,
  { client, force, name, scope }: Target,
  edit: (text: string, present: unknown) => Either.Either<JsoncEdit.Edited, JsoncText.Problem>
) {
  const { section } = ClientPlaces.rules[client]
  const path = yield* Effect.mapError(
    ClientPlaces.place(yield* Path.Path, client, scope, machine),
    (reason) => new ClientFileError({ client, reason, path: "", detail: "" })
  )
  const takes = (present: unknown) => present === undefined || force || isOurs(present)
  return { ...(yield* planAt({ client, path, section, name }, { takes }, edit)), client } satisfies ClientPlan
})

const planAt = Effect.fnUntraced(function* (
  {
    client,
    name,
    path,
    section
  }: {
    readonly client?: ClientPlaces.Client
    readonly path: string
    readonly section: string
    readonly name: string
  },
  { takes }: { readonly takes: (present: unknown) => boolean },
  edit: (text: string, present: unknown) => Either.Either<JsoncEdit.Edited, JsoncText.Problem>
) {
  const whose = present({ client })
  const notJson = ({ detail, line }: JsoncText.Problem) =>
    new ClientFileError({ ...whose, reason: "NotJson", path, line, detail })
  const { text: before, ...format } = (yield* read(client, path)) ?? { text: undefined, ...plain }
  const text = before ?? ""
  const found = yield* Effect.mapError(
    Either.flatMap(JsoncEdit.names(text, section), (names) =>
      Either.all(
        names.map((other) => Either.map(JsoncEdit.get(text, { section, name: other }), (entry) => ({ other, entry })))
      )
    ),
    notJson
  )
  const now = found.find(({ other }) => other === name)?.entry
  if (!takes(now)) return yield* new ClientFileError({ ...whose, reason: "Taken", path, detail: name })
  const edited = yield* Effect.mapError(edit(text, now), notJson)
  return {
    path,
    changes: edited.changes,
    present: now !== undefined,
    others: found.filter(({ entry, other }) => other !== name && isOurs(entry)).map(({ other }) => other),
    before,
    after: edited.text,
    format
  } satisfies Plan
})

const read = Effect.fnUntraced(function* (client: ClientPlaces.Client | undefined, place: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(place).pipe(
    Effect.map((found): Uint8Array | undefined => found),
    Effect.catchAll((error) =>
      error._tag === "SystemError" && error.reason === "NotFound"
        ? Effect.succeed(undefined)
        : new ClientFileError({
            ...present({ client }),
            reason: "NotReadable",
            path: place,
            detail: `${error.message}.`
          })
    )
  )
  if (bytes === undefined) return undefined
  const decoded = ConfigText.decode(bytes)
  const again = ConfigText.encode(decoded.text, decoded)
  // writing it back would change parts that are not ours
  if (again.length !== bytes.length || again.some((byte, index) => byte !== bytes[index])) {
    const detail = "It has characters that are neither UTF-8 nor UTF-16. Save it as UTF-8 in an editor first."
    return yield* new ClientFileError({ ...present({ client }), reason: "NotReadable", path: place, detail })
  }
  return decoded
})

/** For a new file. */
const plain: Format = { encoding: "utf-8", marked: false }

/** The target of a symbolic link, even if it does not exist yet. */
const destination = Effect.fnUntraced(function* (link: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return yield* fs.realPath(link).pipe(
    Effect.orElse(() => Effect.map(fs.readLink(link), (to) => path.resolve(path.dirname(link), to))),
    Effect.orElseSucceed(() => link)
  )
})
