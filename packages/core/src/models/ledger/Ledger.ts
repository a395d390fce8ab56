/**
 * What the lms-bridge processes on this machine have loaded and hold. Each process writes a file of its own and reads all
 * of them; the entries of a dead process are taken over by the next process that finds them.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { LedgerEntry } from "./Ownership.ts"
import type { StateDirectory } from "../../machine/StateDirectory.ts"
import { writeWhole } from "../../machine/writeWhole.ts"
import { optional } from "../../schema/Fields.ts"
import { ProcessIdentity } from "../../machine/ProcessIdentity.ts"

/**
 * A process that has not written for this many milliseconds counts as dead; a live one with entries writes every
 * `beatMillis`.
 */
export const deadAfterMillis = 90_000

export const beatMillis = 30_000

/** How long `recent` reuses what it read from the files of other processes, in milliseconds. */
export const freshMillis = 5000

export interface Ledger {
  /** What this process loaded. */
  readonly own: Effect.Effect<ReadonlyArray<LedgerEntry>>
  /** What all processes loaded, read now; the newest entry per instance. */
  readonly all: Effect.Effect<ReadonlyArray<LedgerEntry>>
  /** The same, at most `freshMillis` old. */
  readonly recent: Effect.Effect<ReadonlyArray<LedgerEntry>>
  /** Instances that other live processes hold, read now. */
  readonly heldElsewhere: Effect.Effect<ReadonlySet<string>>
  readonly put: (entry: LedgerEntry) => Effect.Effect<void>
  /**
   * Runs a load with its entry written, so that a later process knows of it. In this process the entry does not count
   * until the load has been verified or abandoned: an instance that appears meanwhile may be somebody else's.
   */
  readonly during: (entry: LedgerEntry) => <A, E, R>(load: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly forget: (instanceIds: ReadonlyArray<string>) => Effect.Effect<void>
  /** Records a use in memory; it is written with the next beat or change. */
  readonly used: (instanceId: string) => Effect.Effect<void>
  /** Leaves an instance to others: it stays in memory when this process ends, whatever was done with it. */
  readonly leave: (instanceId: string) => Effect.Effect<void>
  /** Which instances this process holds. */
  readonly hold: (instanceIds: ReadonlyArray<string>) => Effect.Effect<void>
  /** Writes the file, to show other processes that this one is alive. */
  readonly beat: Effect.Effect<void>
  /** Takes over what dead processes loaded on this server. */
  readonly takeOver: Effect.Effect<void>
  /** The last write: this process no longer holds anything, and others may take over its entries. */
  readonly close: Effect.Effect<void>
}

/** `server` undefined: to see what is held anywhere. */
export const make = Effect.fnUntraced(function* (state: StateDirectory, server: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const memory = yield* Ref.make<Memory>({ entries: [], holds: [], underWay: [], written: false })
  const others = yield* Ref.make<{ readonly at: number; readonly files: ReadonlyArray<Found> }>({ at: -1, files: [] })
  const oneWriter = yield* Effect.makeSemaphore(1)

  // several processes may take over one file at once
  const replace = (file: string, text: string) =>
    Effect.provideService(
      writeWhole(file, text, { temporary: `${file}.${state.identity.token}` }),
      FileSystem.FileSystem,
      fs
    )

  const write = Effect.fnUntraced(
    function* (beatAt: number) {
      const { entries, holds, written } = yield* Ref.get(memory)
      const empty = entries.length === 0 && holds.length === 0
      if (empty && !written) return
      const folder = yield* state.folder("models")
      if (Option.isNone(folder)) return
      const file = path.join(folder.value, `${state.identity.token}.json`)
      if (empty) {
        yield* fs.remove(file, { force: true })
      } else {
        yield* replace(
          file,
          yield* encode({
            version: 1,
            process: state.identity,
            ...(server === undefined ? {} : { server }),
            beatAt,
            holds,
            entries
          })
        )
      }
      yield* Ref.update(memory, (current) => ({ ...current, written: !empty }))
    },
    Effect.catchAll((error) => Effect.logDebug("the ledger was not written", { error: error.message })),
    oneWriter.withPermits(1),
    Effect.uninterruptible
  )

  const writeNow = Effect.flatMap(Clock.currentTimeMillis, write)

  const change = (update: (memory: Memory) => Memory) =>
    Ref.modify(memory, (before): readonly [boolean, Memory] => {
      const after = update(before)
      return [after !== before, after]
    }).pipe(Effect.flatMap((changed) => (changed ? writeNow : Effect.void)))

  const readOne = (file: string) =>
    fs.readFileString(file).pipe(
      Effect.flatMap(decode),
      Effect.map((content): Found => ({ file, content })),
      Effect.option
    )

  const readOthers = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const folder = state.where("models")
    const names = Option.isNone(folder) ? [] : yield* Effect.orElseSucceed(fs.readDirectory(folder.value), () => [])
    const files = yield* Effect.forEach(
      names.filter((name) => name.endsWith(".json") && name !== `${state.identity.token}.json`),
      (name) =>
        readOne(
          path.join(
            Option.getOrElse(folder, () => ""),
            name
          )
        ),
      { concurrency: 4 }
    )
    const found = files.flatMap(Option.toArray)
    yield* Ref.set(others, { at: now, files: found })
    return found
  })

  const readRecent = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { at, files } = yield* Ref.get(others)
    return at >= 0 && now - at < freshMillis ? files : yield* readOthers
  })

  const isDead = Effect.fnUntraced(function* ({ content }: Found) {
    const now = yield* Clock.currentTimeMillis
    return now - content.beatAt > deadAfterMillis || (yield* state.isGone(content.process))
  })

  const own = Effect.map(Ref.get(memory), ({ entries, underWay }) =>
    entries.filter(({ instanceId, state }) => state === "loaded" || !underWay.includes(instanceId))
  )

  const merged = Effect.fnUntraced(function* (files: ReadonlyArray<Found>) {
    const theirs = yield* Effect.forEach(files, (found) =>
      Effect.map(isDead(found), (dead) =>
        found.content.entries.filter(
          // a load without a TTL by a live process cannot yet be told from a user's load
          (entry) =>
            (server === undefined || entry.server === server) &&
            (entry.state === "loaded" || entry.way !== "rest" || dead)
        )
      )
    )
    return newest([...(yield* own), ...theirs.flat()])
  })

  const takeOverOne = Effect.fnUntraced(function* (found: Found) {
    if (!(yield* isDead(found))) return
    const [mine, rest] = [
      found.content.entries.filter((entry) => entry.server === server),
      found.content.entries.filter((entry) => entry.server !== server)
    ]
    // entries of another LM Studio are left to a process that uses that one
    if (mine.length === 0 && rest.length > 0) return
    yield* change((before) =>
      mine.length === 0 ? before : { ...before, entries: newest([...before.entries, ...mine]) }
    )
    const left = { ...found.content, holds: [], entries: rest }
    yield* Effect.ignore(
      rest.length === 0
        ? fs.remove(found.file, { force: true })
        : Effect.flatMap(encode(left), (text) => replace(found.file, text))
    )
  })

  const ledger: Ledger = {
    own,
    all: Effect.flatMap(readOthers, merged),
    recent: Effect.flatMap(readRecent, merged),
    heldElsewhere: Effect.gen(function* () {
      const here = (yield* readOthers).filter(
        ({ content }) => server === undefined || content.server === undefined || content.server === server
      )
      const alive = yield* Effect.filter(here, isDead, { negate: true })
      return new Set(alive.flatMap(({ content }) => content.holds))
    }),
    put: (entry) =>
      change((before) => ({
        ...before,
        entries: [...before.entries.filter(({ instanceId }) => instanceId !== entry.instanceId), entry]
      })),
    during: (entry) => (load) =>
      Effect.acquireUseRelease(
        Ref.update(memory, (before) => ({ ...before, underWay: [...before.underWay, entry.instanceId] })),
        () => Effect.zipRight(ledger.put(entry), load),
        () =>
          Ref.update(memory, (before) => ({
            ...before,
            underWay: before.underWay.filter((id) => id !== entry.instanceId)
          }))
      ),
    forget: (ids) =>
      change((before) =>
        before.entries.some(({ instanceId }) => ids.includes(instanceId))
          ? { ...before, entries: before.entries.filter(({ instanceId }) => !ids.includes(instanceId)) }
          : before
      ),
    used: (id) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.update(memory, (before) => ({
          ...before,
          entries: before.entries.map((entry) =>
            entry.instanceId === id ? { ...entry, lastUsedAt: now, worked: true } : entry
          )
        }))
      ),
    leave: (id) =>
      Ref.update(memory, (before) => ({
        ...before,
        entries: before.entries.map((entry) => (entry.instanceId === id ? { ...entry, worked: false } : entry))
      })),
    hold: (holds) => change((before) => (sameList(before.holds, holds) ? before : { ...before, holds })),
    beat: writeNow,
    takeOver: Effect.flatMap(readOthers, (files) => Effect.forEach(files, takeOverOne, { discard: true })),
    close: write(0)
  }
  return ledger
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Memory {
  readonly entries: ReadonlyArray<LedgerEntry>
  readonly holds: ReadonlyArray<string>
  /** Instance ids of loads in progress. */
  readonly underWay: ReadonlyArray<string>
  /** Whether the file exists. */
  readonly written: boolean
}

const File = Schema.parseJson(
  Schema.Struct({
    version: Schema.Literal(1),
    process: ProcessIdentity,
    /** Where it holds them; absent in files of older versions. */
    server: optional(Schema.String),
    /** Epoch milliseconds of the last write; 0 when the process has exited cleanly. */
    beatAt: Schema.Number,
    holds: Schema.Array(Schema.String),
    entries: Schema.Array(LedgerEntry)
  })
)

interface Found {
  readonly file: string
  readonly content: typeof File.Type
}

const encode = Schema.encode(File)
const decode = Schema.decode(File)

const newest = (entries: ReadonlyArray<LedgerEntry>): ReadonlyArray<LedgerEntry> => {
  const byId = new Map<string, LedgerEntry>()
  for (const entry of entries) {
    const known = byId.get(entry.instanceId)
    if (known === undefined || known.startedAt < entry.startedAt) byId.set(entry.instanceId, entry)
  }
  return [...byId.values()]
}

const sameList = (left: ReadonlyArray<string>, right: ReadonlyArray<string>) =>
  left.length === right.length && left.every((item, index) => item === right[index])
