/**
 * A lock per name between the processes of this machine: a lock file, taken over when its owner is gone.
 *
 * The owner writes a new beat to the file every few seconds. A waiting process considers the owner dead when the
 * process is known to have ended, or when the file has not changed for several of its own looks. Clocks are not
 * compared, so a machine that slept breaks nothing.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { fileName, type StateDirectory } from "./StateDirectory.ts"
import { ProcessIdentity } from "./ProcessIdentity.ts"

/** How often a waiting process looks, after the first look. */
export const lookEvery = Duration.seconds(1)

/** Looks without a new beat after which the owner counts as dead. The owner beats every `beatEvery`. */
export const looksUntilStale = 15

export const beatEvery = Duration.seconds(4)

export interface MachineLock {
  /**
   * Runs `self` while no other process runs anything under `name`. `onWait` runs once if it has to wait. Interruption
   * releases the lock, also while waiting. Without a writable folder there is no lock and `self` just runs.
   */
  readonly withLock: (
    name: string,
    onWait: Effect.Effect<void>
  ) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const make = Effect.fnUntraced(function* (state: StateDirectory) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const read = (file: string) => Effect.option(fs.readFileString(file))
  const content = (beat: number) => encode({ ...state.identity, beat })
  const isMine = (text: string) => Option.exists(decode(text), (owner) => owner.token === state.identity.token)

  /** Creates the file; false if it exists, None if it cannot be created at all. */
  const create = (file: string) =>
    fs.writeFileString(file, content(0), { flag: "wx" }).pipe(
      Effect.as(Option.some(true)),
      Effect.catchAll((error) =>
        Effect.succeed(
          error._tag === "SystemError" && error.reason === "AlreadyExists" ? Option.some(false) : Option.none<boolean>()
        )
      )
    )

  const ownerIsGone = (text: string) =>
    Option.match(decode(text), { onNone: () => Effect.succeed(false), onSome: (owner) => state.isGone(owner) })

  /**
   * Removes a dead owner's file. A guard named after that very file is created first, so that only one of several
   * waiters removes it and a new lock is never hit. True when the file was removed.
   */
  const removeStale = Effect.fnUntraced(function* (file: string, stale: string, round: number) {
    const owner = Option.match(decode(stale), { onNone: () => "unreadable", onSome: ({ token }) => token })
    const guard = `${file}.${owner}.${round}`
    if (!Option.contains(yield* create(guard), true)) return false
    const isStill = Option.contains(yield* read(file), stale)
    if (isStill) {
      yield* Effect.logInfo("took over the lock of a process that has ended", { lock: path.basename(file) })
      yield* Effect.ignore(fs.remove(file, { force: true }))
    }
    yield* Effect.ignore(fs.remove(guard, { force: true }))
    return isStill
  })

  const acquire = Effect.fnUntraced(function* (
    file: string,
    onWait: Effect.Effect<void>,
    wait: <A>(self: Effect.Effect<A>) => Effect.Effect<A>
  ) {
    let seen = ""
    let unchanged = 0
    let told = false
    while (true) {
      const created = yield* create(file)
      if (Option.isNone(created)) return false
      if (created.value) return true
      const text = Option.getOrElse(yield* read(file), () => "")
      unchanged = text === seen ? unchanged + 1 : 0
      seen = text
      const round = Math.floor(unchanged / looksUntilStale)
      const dead = unchanged > 0 && unchanged % looksUntilStale === 0 ? true : yield* ownerIsGone(text)
      if (dead && (yield* removeStale(file, text, round))) continue
      if (!told) yield* wait(onWait)
      told = true
      yield* wait(Effect.sleep(lookEvery))
    }
  })

  const beat = (file: string) =>
    Effect.iterate(1, {
      while: () => true,
      body: (count) =>
        Effect.sleep(beatEvery).pipe(
          Effect.zipRight(read(file)),
          Effect.flatMap((text) =>
            // taken over while this machine slept: the file now belongs to another process
            Option.exists(text, isMine) ? Effect.ignore(fs.writeFileString(file, content(count))) : Effect.never
          ),
          Effect.as(count + 1)
        )
    })

  const release = (file: string) =>
    Effect.flatMap(read(file), (text) =>
      Option.exists(text, isMine)
        ? fs.remove(file, { force: true }).pipe(Effect.retry(Schedule.recurs(2)), Effect.ignore)
        : Effect.void
    )

  const lock: MachineLock = {
    withLock: (name, onWait) => (self) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const folder = yield* state.folder("locks")
          if (Option.isNone(folder)) return yield* restore(self)
          const file = path.join(folder.value, `${fileName(name)}.lock`)
          if (!(yield* acquire(file, onWait, restore))) return yield* restore(self)
          const beating = yield* Effect.fork(Effect.interruptible(beat(file)))
          return yield* Effect.ensuring(restore(self), Effect.zipRight(Fiber.interrupt(beating), release(file)))
        })
      )
  }
  return lock
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Owner = Schema.parseJson(Schema.Struct({ ...ProcessIdentity.fields, beat: Schema.Number }))
const encode = Schema.encodeSync(Owner)
const decode = Schema.decodeOption(Owner)
