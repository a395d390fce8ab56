/**
 * Which folders a model may work in. A path is judged by its real location, after symbolic links, and by its segments,
 * never by its spelling.
 */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { isSecretPlace, secretPlaces } from "./SecretPlaces.ts"

export const RefusedBecause = Schema.Literal(
  "NotFound",
  "NotAFolder",
  "NotReadable",
  "NotAPath",
  "Root",
  "System",
  "Secrets",
  "HoldsSecrets",
  "OthersHome",
  "AllHomes"
)
export type RefusedBecause = typeof RefusedBecause.Type

export class FolderRefused extends Schema.TaggedError<FolderRefused>()("FolderRefused", {
  /** As it was given. */
  folder: Schema.String,
  reason: RefusedBecause,
  /** Its real path, if that differs. */
  real: optional(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    const what = this.real === undefined ? `"${this.folder}"` : `"${this.folder}", which is ${this.real},`
    switch (this.reason) {
      case "NotFound":
        return `The folder ${what} does not exist. Create it, or name another.`
      case "NotAFolder":
        return `${what} is not a folder. Name the folder that it is in.`
      case "NotReadable":
        return `The folder ${what} cannot be read. Name another, or check its permissions.`
      case "NotAPath":
        return `${what} is not a path. Name a folder, such as "/home/me/project".`
      case "Root":
        return `${what} is the whole machine, so no model may work in all of it. Name the folder that the task is about, or set WORKING_DIR.`
      case "System":
        return `${what} belongs to the system, so no model may work in it. Name a folder of your own.`
      case "Secrets":
        return `${what} is where keys and passwords are kept, so no model may work in it. Name another folder.`
      case "HoldsSecrets":
        return `${what} holds places where keys and passwords are kept, such as ~/.ssh, so no model may work in all of it. Name a folder inside it, or set WORKING_DIR.`
      case "OthersHome":
        return `${what} is another person's home. Name a folder of your own.`
      case "AllHomes":
        return `${what} contains everybody's home. Name a folder in yours.`
    }
  }
}

/**
 * What the check needs to know of the machine: its path syntax, and whose home is where. All paths are absolute and
 * real.
 */
export interface Machine {
  readonly separator: string
  /** The second path relative to the first. */
  readonly relative: (from: string, to: string) => string
  readonly isAbsolute: (path: string) => boolean
  readonly dirname: (path: string) => string
  readonly join: (...parts: ReadonlyArray<string>) => string
  readonly home: string | undefined
  /** Further folders that are none of a model's business, such as our own data. */
  readonly secrets?: ReadonlyArray<string>
}

/**
 * Why a folder may not be worked in; undefined when it may. Everything in the user's own home is theirs, wherever that
 * is, except the places of keys and passwords and the folders that contain them.
 */
export const judge = (folder: string, machine: Machine): RefusedBecause | undefined => {
  const { home, secrets = [] } = machine
  const within = isWithin(machine)
  if (machine.dirname(folder) === folder) return "Root"
  // another user's, or those of a copy
  if (isSecretPlace(folder.replaceAll(machine.separator, "/"))) return "Secrets"
  if (secrets.some((place) => within(place, folder))) return "Secrets"
  if (home !== undefined && within(home, folder)) {
    const places = [...secretPlaces.map((place) => machine.join(home, ...place.split("/"))), ...secrets]
    if (places.some((place) => within(place, folder))) return "Secrets"
    return places.some((place) => within(folder, place)) ? "HoldsSecrets" : undefined
  }
  if ((home !== undefined && within(folder, home)) || homesOfAll.test(folder)) return "AllHomes"
  if (secrets.some((place) => within(folder, place))) return "HoldsSecrets"
  if (systemFolders.some((system) => within(system, folder)) || windowsSystem.test(folder)) return "System"
  if (exactSystemFolders.some((system) => within(system, folder) && within(folder, system))) return "System"
  const homes = home === undefined ? undefined : machine.dirname(home)
  const [owner = ""] = homes !== undefined && within(homes, folder) ? parts(machine, homes, folder) : []
  return owner !== "" && homesOfAll.test(homes ?? "") && !/^(shared|public)$/i.test(owner) ? "OthersHome" : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Case does not matter: on half of all machines it does not distinguish folders. */
const parts = ({ relative, separator }: Machine, from: string, to: string): ReadonlyArray<string> =>
  relative(from.toLowerCase(), to.toLowerCase()).split(separator)

const isWithin =
  (machine: Machine) =>
  (outer: string, inner: string): boolean => {
    const segments = parts(machine, outer, inner)
    return segments[0] !== ".." && !machine.isAbsolute(segments.join(machine.separator))
  }

const systemFolders: ReadonlyArray<string> = [
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/proc",
  "/root",
  "/run/secrets",
  "/sbin",
  "/sys",
  "/usr/bin",
  "/usr/lib",
  "/usr/lib64",
  "/usr/libexec",
  "/usr/sbin",
  "/var/db",
  "/var/lib",
  "/var/log",
  "/var/run",
  "/var/spool",
  // macOS
  "/System",
  "/private/etc",
  "/private/var/db",
  "/private/var/log",
  "/private/var/root",
  "/private/var/run"
]

/** Only these folders themselves: there may be folders for work below them. */
const exactSystemFolders: ReadonlyArray<string> = [
  "/usr",
  "/var",
  "/run",
  "/opt",
  "/Library",
  "/private",
  "/private/var"
]

const windowsSystem = /^[a-z]:\\(windows|program files|program files \(x86\)|programdata)(\\|$)/i

const homesOfAll = /^(\/home|\/Users|[a-z]:\\Users)$/i
