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
import type * as JsoncText from "../../json/JsoncText.ts"
import { isItself } from "../config/SelfReference.ts"
import * as EntryWords from "../dialects/EntryWords.ts"
import * as ClientRules from "./ClientRules.ts"
import * as ConfigEdit from "./ConfigEdit.ts"
import * as TextEdits from "./TextEdits.ts"

export interface Target {
  readonly client: ClientRules.Client
  readonly scope: ClientPlaces.Scope
  /** The name of the entry. */
  readonly name: string
  /** Whether an entry with that name that is not lms-bridge may be overwritten or removed. */
  readonly force: boolean
}

/** What is about to be written. `changes` is empty when the file is already as wanted. */
export interface Plan {
  /** Absent for an mcp.json of the user. */
  readonly client?: ClientRules.Client | undefined
  /** The path that the client uses, which may be a symbolic link. */
  readonly path: string
  readonly changes: ReadonlyArray<TextEdits.Change>
  /** Whether there already is an entry with that name. */
  readonly present: boolean
  readonly language: ConfigEdit.Language
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
  readonly client: ClientRules.Client
  /** The variables of the entry, as they were before. */
  readonly variables: Readonly<Record<string, unknown>>
}

export type Format = Pick<ConfigText.Decoded, "encoding" | "marked">

/** The result of writing. `backup` is a copy of the file as it was before; undefined when there was none. */
export interface Written {
  readonly backup: string | undefined
}

/** A client on this machine: its file, whether the client seems to be here, and the entries that start lms-bridge. */
export interface Found {
  readonly client: ClientRules.Client
  readonly path: string
  readonly isHere: boolean
  readonly entries: ReadonlyArray<string>
  /** Why the file cannot be read. */
  readonly problem: string | undefined
}

/** Every client, with what is found of it here. */
export const found = Effect.fn("ClientFiles.found")(function* (
  machine: ClientPlaces.Machine,
  scope: ClientPlaces.Scope
) {
  const fs = yield* FileSystem.FileSystem
  const exists = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  const path = yield* Path.Path
  return yield* Effect.forEach(ClientRules.Client.literals, (client) =>
    Effect.gen(function* () {
      const file = yield* fileOf(machine, client, scope)
      const folder = path.dirname(file)
      // a folder of the user, or of the project, is there without the client
      const isHere =
        (yield* exists(file)) || (folder !== machine.home && folder !== machine.cwd && (yield* exists(folder)))
      const look = yield* Effect.either(
        plan(machine, { client, scope, name: "", force: true }, (_, text) => Either.right({ text, changes: [] }))
      )
      return {
        client,
        path: file,
        isHere,
        entries: Either.match(look, { onLeft: () => [], onRight: ({ others }) => others }),
        problem: Either.match(look, { onLeft: ({ message }) => message, onRight: () => undefined })
      } satisfies Found
    }).pipe(Effect.option)
  ).pipe(Effect.map((all) => all.flatMap(Option.toArray)))
})

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
    claudeHome: yield* variable("CLAUDE_CONFIG_DIR"),
    codexHome: yield* variable("CODEX_HOME")
  } satisfies ClientPlaces.Machine
})

/**
 * The changes of adding lms-bridge. An entry that is there keeps what its user added to it; of the variables, those of
 * `env` are set, and those of `usual` where the entry has none of that name.
 */
export const planInstall = Effect.fn("ClientFiles.planInstall")(function* (
  machine: ClientPlaces.Machine,
  target: Target,
  { env, usual = {}, ...program }: ClientRules.Program & { readonly usual?: Readonly<Record<string, string>> }
) {
  const { entry, section, start, variables } = ClientRules.rules[target.client]
  const wanted = entry(target.name, program)
  return yield* plan(machine, target, (editor, text, present) => {
    const before = isOurs(present) && TextEdits.isObject(present) ? present : undefined
    const set = { ...usual, ...variablesOf(before, variables), ...env }
    const members = Object.entries(wanted).filter(
      ([key]) => before === undefined || start.includes(key) || before[key] === undefined
    )
    return editor.set(
      text,
      { section, name: target.name },
      { ...Object.fromEntries(members), ...(Object.keys(set).length === 0 ? {} : { [variables]: set }) },
      before === undefined ? "replace" : "merge"
    )
  })
})

/** The changes of removing it. */
export const planUninstall = Effect.fn("ClientFiles.planUninstall")(function* (
  machine: ClientPlaces.Machine,
  target: Target
) {
  const { section } = ClientRules.rules[target.client]
  return yield* plan(machine, target, ({ remove }, text, present) =>
    present === undefined ? Either.right({ text, changes: [] }) : remove(text, { section, name: target.name })
  )
})

/** A server as an mcp.json has it. */
export interface Server {
  readonly name: string
  readonly entry: Readonly<Record<string, unknown>>
}

/** The changes of adding servers to this mcp.json, or of replacing them with `force`. */
export const planAdd = Effect.fn("ClientFiles.planAdd")(function* (
  file: string,
  { force, servers }: { readonly servers: ReadonlyArray<Server>; readonly force: boolean }
) {
  const { language, section } = ClientRules.ofFile(file)
  const takes = (present: unknown) => force || present === undefined
  const names = servers.map(({ name }) => name)
  return yield* planAt({ path: file, language, section, names }, { takes }, ({ set }, text) =>
    TextEdits.inTurn(
      text,
      servers.map(
        ({ entry, name }) =>
          (now) =>
            set(now, { section, name }, entry, "replace")
      )
    )
  )
})

/** A new mcp.json without servers; no changes where there is one. */
export const planNew = Effect.fn("ClientFiles.planNew")(function* (file: string) {
  const { language, section } = ClientRules.ofFile(file)
  return yield* planAt({ path: file, language, section, names: [] }, { takes: () => true }, (_, text) => {
    const content = `{\n  ${JSON.stringify(section)}: {}\n}\n`
    const isNew = language === "json" && text.trim() === ""
    return Either.right(TextEdits.apply(text, isNew ? [{ offset: text.length, length: 0, content }] : []))
  })
})

/** The changes of removing one; none where there is no such server. */
export const planRemove = Effect.fn("ClientFiles.planRemove")(function* (file: string, name: string) {
  const { language, section } = ClientRules.ofFile(file)
  return yield* planAt(
    { path: file, language, section, names: [name] },
    { takes: () => true },
    ({ remove }, text, present) =>
      present === undefined ? Either.right({ text, changes: [] }) : remove(text, { section, name })
  )
})

/** The changes of switching one on or off, which stays in the file; none where there is no such server. */
export const planSwitch = Effect.fn("ClientFiles.planSwitch")(function* (file: string, name: string, on: boolean) {
  const { language, section } = ClientRules.ofFile(file)
  return yield* planAt(
    { path: file, language, section, names: [name] },
    { takes: () => true },
    ({ set }, text, present) => {
      if (typeof present !== "object" || present === null) return Either.right({ text, changes: [] })
      // some hosts write the opposite
      const said = "enabled" in present ? { enabled: on } : { disabled: !on }
      return set(text, { section, name }, said, "merge")
    }
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

/** Whether an entry in any client's words starts lms-bridge. */
const isOurs = (entry: unknown) =>
  TextEdits.isObject(entry) && Option.exists(decodeStart(EntryWords.translate(entry, undefined).entry), isItself)

const variablesOf = (entry: Readonly<Record<string, unknown>> | undefined, key: string) => {
  const found = entry?.[key]
  return TextEdits.isObject(found) ? found : {}
}

type Change = (
  editor: ConfigEdit.Editor,
  text: string,
  present: unknown
) => Either.Either<TextEdits.Edited, JsoncText.Problem>

const plan = Effect.fnUntraced(function* (
  machine: ClientPlaces.Machine,
  { client, force, name, scope }: Target,
  edit: Change
) {
  const { language, section, variables } = ClientRules.rules[client]
  const path = yield* fileOf(machine, client, scope)
  const takes = (present: unknown) => present === undefined || force || isOurs(present)
  const { entry, ...planned } = yield* planAt({ client, path, language, section, names: [name] }, { takes }, edit)
  const before = TextEdits.isObject(entry) ? entry : undefined
  return { ...planned, client, variables: variablesOf(before, variables) } satisfies ClientPlan
})

/** The file of a client: of several that it may use, the first one that exists. */
const fileOf = Effect.fnUntraced(function* (
  machine: ClientPlaces.Machine,
  client: ClientRules.Client,
  scope: ClientPlaces.Scope
) {
  const fs = yield* FileSystem.FileSystem
  const places = yield* Effect.mapError(
    ClientPlaces.places(yield* Path.Path, client, scope, machine),
    (reason) => new ClientFileError({ client, reason, path: "", detail: "" })
  )
  const existing = yield* Effect.filter(places, (place) => Effect.orElseSucceed(fs.exists(place), () => false))
  return existing[0] ?? places[0]
})

const planAt = Effect.fnUntraced(function* (
  {
    client,
    language,
    names,
    path,
    section
  }: {
    readonly client?: ClientRules.Client
    readonly path: string
    readonly language: ConfigEdit.Language
    readonly section: string
    readonly names: ReadonlyArray<string>
  },
  { takes }: { readonly takes: (present: unknown) => boolean },
  edit: Change
) {
  const whose = present({ client })
  const notValid = ({ detail, line }: JsoncText.Problem) =>
    new ClientFileError({ ...whose, reason: "NotValid", path, line, detail })
  const editor = yield* ConfigEdit.editorOf(language)
  const { text: before, ...format } = (yield* read(client, path)) ?? { text: undefined, ...plain }
  const text = before ?? ""
  const found = yield* Effect.mapError(editor.entries(text, section), notValid)
  const own = found.filter(([name]) => names.includes(name))
  const taken = own.find(([, entry]) => !takes(entry))
  if (taken !== undefined) return yield* new ClientFileError({ ...whose, reason: "Taken", path, detail: taken[0] })
  const now = own[0]?.[1]
  const edited = yield* Effect.mapError(edit(editor, text, now), notValid)
  return {
    path,
    language,
    entry: now,
    changes: edited.changes,
    present: now !== undefined,
    others: found.flatMap(([name, entry]) => (!names.includes(name) && isOurs(entry) ? [name] : [])),
    before,
    after: edited.text,
    format
  } satisfies Plan & { readonly entry: unknown }
})

const read = Effect.fnUntraced(function* (client: ClientRules.Client | undefined, place: string) {
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
