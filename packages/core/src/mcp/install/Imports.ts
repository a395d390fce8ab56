/** The servers that the MCP clients on this machine have, to be taken over into an mcp.json of the user. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Machine } from "./ClientPlaces.ts"
import * as ClientRules from "./ClientRules.ts"
import { present } from "../../schema/Fields.ts"
import * as ConfigFile from "../config/ConfigFile.ts"
import * as ConfigPlaces from "../config/ConfigPlaces.ts"
import type { ConfigEntry, EntrySettings } from "../config/McpConfig.ts"
import * as ProgramPlaces from "../config/ProgramPlaces.ts"
import * as SelfReference from "../config/SelfReference.ts"
import type { McpConfigInvalid } from "../McpError.ts"
import * as ImportedEntry from "./ImportedEntry.ts"
import * as TextEdits from "./TextEdits.ts"

/** A server in the file of a client. */
export interface Offer extends Pick<ConfigEntry, "dialect" | "inputs" | "line" | "name" | "off"> {
  readonly origin: ConfigPlaces.Origin
  readonly source: string
  /** Its file came with the working folder, perhaps from elsewhere: it is taken only when it is named. */
  readonly cameAlong: boolean
  /** It is lms-bridge. */
  readonly itself: boolean
  /** Or why the entry cannot be used. */
  readonly settings: Either.Either<EntrySettings, string>
}

export interface Offers {
  readonly found: ReadonlyArray<Offer>
  /** Files that cannot be used. */
  readonly problems: ReadonlyArray<McpConfigInvalid>
}

/** The clients by the names that a command line has for them. */
export const clients: ReadonlyArray<readonly [name: string, origin: ConfigPlaces.Origin]> =
  ConfigPlaces.Origin.literals.flatMap((origin) => {
    const client = ClientRules.Client.literals.find((one) => ClientRules.rules[one].origin === origin)
    if (!ProgramPlaces.isSettings(origin) && client === undefined) return []
    return [[client ?? origin.toLowerCase().replaceAll(" ", "-"), origin] as const]
  })

/** What the clients have; `target` is the file that they are for. */
export const offers = Effect.fn("Imports.offers")(function* (machine: Machine, target: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { platform } = machine
  const places = ConfigPlaces.places(path, {
    ...machine,
    mode: "first",
    override: undefined,
    system: platform === "win32" || platform === "darwin" ? platform : "linux"
  })
  const problems: Array<McpConfigInvalid> = []
  const found: Array<Offer> = []
  for (const place of places) {
    const isOwn = place.path === target || ["project", "home", "above"].includes(place.origin)
    if (isOwn || (yield* ConfigFile.look(fs, place)) === undefined) continue
    const { entries, problem } = yield* ConfigFile.read(fs, place, machine.cwd)
    if (problem !== undefined) problems.push(problem)
    for (const entry of entries ?? []) found.push(yield* offerOf(entry, place))
  }
  // what came with the folder does not hide what the user has
  return { found: found.toSorted((one, other) => Number(one.cameAlong) - Number(other.cameAlong)), problems }
})

/** What shall be taken. Without `names`: all that can be used and did not come with the folder. */
export interface Wish {
  readonly names: ReadonlyArray<string>
  readonly from: ReadonlyArray<ConfigPlaces.Origin>
  /** Replaces servers of the target that are different. */
  readonly force: boolean
  /** Secrets are copied, and not referred to. */
  readonly secrets: boolean
}

export interface Taken {
  readonly offer: Offer
  readonly entry: Readonly<Record<string, unknown>>
  /** The variables that carry its secrets. */
  readonly carried: ReadonlyArray<ImportedEntry.Carried>
  /** All variables that it cannot do without. */
  readonly needs: ReadonlyArray<string>
}

/** Why a server is left where it is. */
export type Reason = "Itself" | "Off" | "Invalid" | "CameAlong" | "There" | "Different" | "Twice"

export interface Left {
  readonly offer: Offer
  readonly reason: Reason
  /** The client that has the same name, or what is wrong with the entry. */
  readonly detail: string
}

export interface Choice {
  readonly taken: ReadonlyArray<Taken>
  readonly left: ReadonlyArray<Left>
  /** Names that no client has. */
  readonly unknown: ReadonlyArray<string>
}

/** What of the offers is written, and what is not. `there` is what the target has. */
export const choose = (
  all: ReadonlyArray<Offer>,
  wish: Wish,
  options: {
    readonly there: ReadonlyMap<string, EntrySettings | undefined>
    /** The folder for servers that came with it, where the target belongs to no folder. */
    readonly cwd: string | undefined
  }
): Choice => {
  const of = all.filter(
    ({ name, origin }) =>
      (wish.names.length === 0 || wish.names.includes(name)) && (wish.from.length === 0 || wish.from.includes(origin))
  )
  const taken = new Map<string, Taken>()
  const there = new Set<string>()
  const left: Array<Left> = []
  const known: Array<ImportedEntry.Carried> = []
  for (const offer of of) {
    const leave = (reason: Reason, detail = "") => left.push({ offer, reason, detail })
    const isNamed = wish.names.length > 0
    if (offer.itself) {
      leave("Itself")
      continue
    }
    if (Either.isLeft(offer.settings)) {
      leave("Invalid", offer.settings.left)
      continue
    }
    const { right: settings } = offer.settings
    const isOff = offer.off !== undefined || settings.disabled === true || settings.enabled === false
    if (isOff && !isNamed) {
      leave("Off")
      continue
    }
    if (offer.cameAlong && !isNamed) {
      leave("CameAlong")
      continue
    }
    const cwd = offer.cameAlong ? options.cwd : undefined
    const { carried, entry } = ImportedEntry.of(offer, settings, { cwd, secrets: wish.secrets, known })
    const before = taken.get(offer.name)
    if (before !== undefined) {
      if (!TextEdits.isSame(before.entry, entry)) leave("Twice", before.offer.source)
      continue
    }
    if (there.has(offer.name)) continue
    if (options.there.has(offer.name)) {
      const present = options.there.get(offer.name)
      const isSame =
        present !== undefined &&
        TextEdits.isSame(
          ImportedEntry.of({ name: offer.name }, present, { cwd: undefined, secrets: true, known: [] }).entry,
          entry
        )
      if (isSame || !wish.force) {
        there.add(offer.name)
        // so that the same variables are found again
        if (isSame) known.push(...carried)
        leave(isSame ? "There" : "Different")
        continue
      }
    }
    known.push(...carried)
    taken.set(offer.name, { offer, entry, carried, needs: ImportedEntry.needs(entry) })
  }
  return {
    taken: [...taken.values()],
    left,
    unknown: wish.names.filter((name) => !of.some((offer) => offer.name === name))
  }
}

/** The servers of the target by name, undefined for those that cannot be used; none where there is no file. */
export const servers = Effect.fn("Imports.servers")(function* (target: string, cwd: string) {
  const fs = yield* FileSystem.FileSystem
  const place = { path: target, origin: "home" as const }
  if ((yield* ConfigFile.look(fs, place)) === undefined) return new Map<string, EntrySettings | undefined>()
  const { entries, problem } = yield* ConfigFile.read(fs, place, cwd)
  // a file without servers may get some
  if (problem !== undefined && problem.reason !== "NoServers") return yield* problem
  return new Map((entries ?? []).map(({ name, settings }) => [name, Either.getOrUndefined(settings)] as const))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const offerOf = Effect.fnUntraced(function* (
  entry: ConfigEntry,
  { onlyByName = false, origin, path }: ConfigPlaces.Place
) {
  const fs = yield* FileSystem.FileSystem
  // lms-bridge may have been given another name by a link
  const reals = new Map<string, string>()
  for (const file of SelfReference.pathsOf(entry)) {
    reals.set(file, yield* Effect.orElseSucceed(fs.realPath(file), () => file))
  }
  const real = (word: string) => reals.get(word) ?? word
  return {
    name: entry.name,
    origin,
    source: path,
    line: entry.line,
    ...present({ dialect: entry.dialect, inputs: entry.inputs, off: entry.off }),
    cameAlong: onlyByName,
    itself: Either.match(entry.settings, {
      onLeft: () => false,
      onRight: ({ args = [], command = "" }) =>
        SelfReference.isItself({ command, args }) ||
        SelfReference.isItself({ command: real(command), args: args.map(real) })
    }),
    settings: Either.mapLeft(entry.settings, ({ detail }) => detail)
  } satisfies Offer
})
