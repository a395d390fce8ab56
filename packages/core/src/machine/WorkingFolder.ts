/**
 * Which folders a model may be let loose on. Judged by what a path really is, after symbolic links, and folder by folder,
 * never by how it is spelt.
 */
import * as Schema from "effect/Schema"
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
  /** What it really is, where that is something else. */
  real: Schema.optionalWith(Schema.String, { exact: true })
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
        return `The folder ${what} cannot be read by you. Name another.`
      case "NotAPath":
        return `${what} is not a path. Name a folder, such as "/home/me/project".`
      case "Root":
        return `${what} is the whole machine, so no model works in all of it. Name the folder that the task is about, or set WORKING_DIR.`
      case "System":
        return `${what} belongs to the system, so no model works in it. Name a folder of yours.`
      case "Secrets":
        return `${what} is where keys and passwords are kept, so no model works in it. Name another folder.`
      case "HoldsSecrets":
        return `${what} holds places where keys and passwords are kept, such as ~/.ssh, so no model works in all of it. Name a folder in it, or set WORKING_DIR.`
      case "OthersHome":
        return `${what} is the home of somebody else. Name a folder of yours.`
      case "AllHomes":
        return `${what} holds everybody's home. Name a folder in yours.`
    }
  }
}

/**
 * What a judgement needs of the machine: how it writes paths, and whose home is where. All paths are absolute and real.
 */
export interface Machine {
  readonly separator: string
  /** The path of the second as seen from the first. */
  readonly relative: (from: string, to: string) => string
  readonly isAbsolute: (path: string) => boolean
  readonly dirname: (path: string) => string
  readonly join: (...parts: ReadonlyArray<string>) => string
  readonly home: string | undefined
  /** Further folders that hold what is not a model's business, as our own data. */
  readonly secrets?: ReadonlyArray<string>
}

/**
 * Why a folder may not be worked in; undefined when it may. What lies in the person's own home is theirs, wherever that
 * is, but for the places of keys and passwords and what holds them.
 */
export const judge = (folder: string, machine: Machine): RefusedBecause | undefined => {
  const { home, secrets = [] } = machine
  const within = isWithin(machine)
  if (machine.dirname(folder) === folder) return "Root"
  // somebody else's, or those of a copy
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

/** Capitals do not count: on half of all machines they make no other folder. */
const parts = ({ relative, separator }: Machine, from: string, to: string): ReadonlyArray<string> =>
  relative(from.toLowerCase(), to.toLowerCase()).split(separator)

const isWithin =
  (machine: Machine) =>
  (outer: string, inner: string): boolean => {
    const way = parts(machine, outer, inner)
    return way[0] !== ".." && !machine.isAbsolute(way.join(machine.separator))
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

/** Only they themselves: there are folders for work beneath them. */
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
