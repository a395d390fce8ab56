/**
 * Time that passes only when nothing else can happen: as soon as everything waits, the clock jumps to the next sleeper.
 * Long stories with many actors take milliseconds, and nobody has to move the clock.
 *
 * Not for code that waits for the outside world, whose answers do not count as pending work: use it only with doubles
 * and in-process simulators.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"

/**
 * Runs an effect, with all fibers that it starts, in virtual time that begins at 0. What it draws by lot, such as the
 * jitter of retries, comes from `seed`: the same program takes the same time in each run.
 */
export const inVirtualTime = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  { seed = 1 }: { readonly seed?: number } = {}
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const tasks = new CountingScheduler()
    const clock = new VirtualClock()
    let over = false
    let quietTurns = 0
    const turn = () => {
      if (over) return
      quietTurns = tasks.pending === 0 ? quietTurns + 1 : 0
      // one idle turn may occur between two steps of a promise; two in a row mean rest
      if (quietTurns >= 2) {
        quietTurns = 0
        clock.jump()
      }
      setImmediate(turn)
    }
    return Effect.sync(() => void setImmediate(turn)).pipe(
      Effect.zipRight(self),
      Effect.ensuring(
        Effect.sync(() => {
          over = true
        })
      ),
      Effect.withClock(clock),
      Effect.withRandom(Random.make(seed)),
      Effect.withScheduler(tasks)
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private now = 0
  private sleepers: Array<Sleeper> = []

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  unsafeCurrentTimeMillis() {
    return this.now
  }

  unsafeCurrentTimeNanos() {
    return BigInt(Math.round(this.now * 1_000_000))
  }

  sleep(duration: Duration.Duration) {
    return Effect.async<void>((resume) => {
      // whole milliseconds, like real clocks: a remaining fraction could be slept for endlessly
      const at = this.now + Math.ceil(Duration.toMillis(duration))
      const sleeper: Sleeper = { at, wake: () => resume(Effect.void) }
      this.sleepers.push(sleeper)
      return Effect.sync(() => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper)
      })
    })
  }

  /**
   * Jumps to the next sleeper; at the same moment, to the one that began to sleep first. An infinite sleep never ends.
   */
  jump() {
    const next = this.sleepers.reduce<Sleeper | undefined>(
      (first, sleeper) => (first === undefined || sleeper.at < first.at ? sleeper : first),
      undefined
    )
    if (next === undefined || !Number.isFinite(next.at)) return
    this.sleepers = this.sleepers.filter((other) => other !== next)
    this.now = Math.max(this.now, next.at)
    next.wake()
  }
}

/** The ordinary scheduler, with a count of its pending work. */
class CountingScheduler implements Scheduler.Scheduler {
  private readonly base = new Scheduler.MixedScheduler(2048)
  pending = 0

  shouldYield(fiber: Parameters<Scheduler.Scheduler["shouldYield"]>[0]) {
    return this.base.shouldYield(fiber)
  }

  scheduleTask(...[task, priority, fiber]: Parameters<Scheduler.Scheduler["scheduleTask"]>) {
    this.pending += 1
    const counted = () => {
      this.pending -= 1
      task()
    }
    this.base.scheduleTask(counted, priority, fiber)
  }
}
