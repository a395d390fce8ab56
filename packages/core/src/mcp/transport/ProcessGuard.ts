/**
 * A small shell that outlives us by a few seconds: when we die without a chance to clean up, it ends the process groups
 * of the servers that we started.
 */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface ProcessGuard {
  /** Keeps the guard there until the scope closes. Take it before starting what it is to watch. */
  readonly hold: Effect.Effect<Watch, never, Scope.Scope>
}

/** Watches the group of a process that leads one, until the scope closes. */
export type Watch = (leader: CommandExecutor.ProcessId) => Effect.Effect<void, never, Scope.Scope>

/**
 * One guard for all servers; it runs while there are any. Where there is no `sh` there is no guard, and a server that
 * does not leave at the end of its stdin stays when we are killed.
 */
export const make = Effect.gen(function* () {
  const executor = yield* CommandExecutor.CommandExecutor
  const guard = yield* RcRef.make({
    acquire: Effect.provideService(start, CommandExecutor.CommandExecutor, executor),
    idleTimeToLive: "1 second"
  })
  const hold: ProcessGuard["hold"] = Effect.map(
    RcRef.get(guard),
    (tell): Watch =>
      (leader) =>
        Effect.acquireRelease(
          Effect.sync(() => tell(`+ ${leader}\n`)),
          () => Effect.sync(() => tell(`- ${leader}\n`))
        )
  )
  return { hold } satisfies ProcessGuard
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/**
 * Reads which groups there are. At the end of its input, which is our end, it gives them a second to leave by
 * themselves, as they see the end of theirs, then SIGTERM and two more, then SIGKILL.
 */
const script = `
exec >/dev/null 2>&1
cd /
trap '' INT TERM HUP
groups=
while read -r change group; do
  case $change in
    +) groups="$groups $group" ;;
    -) rest=
       for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done
       groups=$rest ;;
  esac
done
[ -z "$groups" ] && exit 0
sleep 1
for one in $groups; do kill -s TERM -- "-$one"; done
sleep 2
for one in $groups; do kill -s KILL -- "-$one"; done
exit 0
`

/** For the shell to see the end of its input and leave. */
const leaveWithin = "1 second"

const encoder = new TextEncoder()

const start = Effect.uninterruptible(
  Effect.gen(function* () {
    const process = yield* Command.make("sh", "-c", script).pipe(
      Command.env({ PATH: "/usr/bin:/bin" }, { extendEnv: false }),
      Command.start
    )
    const outbox = yield* Mailbox.make<Uint8Array>()
    yield* Mailbox.toStream(outbox).pipe(
      Stream.run(process.stdin),
      Effect.ignore,
      Effect.interruptible,
      Effect.forkScoped
    )
    yield* Effect.addFinalizer(() =>
      outbox.end.pipe(
        Effect.zipRight(Effect.interruptible(Effect.exit(process.exitCode))),
        Effect.timeoutOption(leaveWithin),
        // it refuses every other signal
        Effect.flatMap((left) => (left._tag === "Some" ? Effect.void : Effect.ignore(process.kill("SIGKILL"))))
      )
    )
    return (line: string) => void outbox.unsafeOffer(encoder.encode(line))
  })
).pipe(
  Effect.catchAll((error) =>
    Effect.as(Effect.logDebug("no guard over the processes of MCP servers", error), (_: string) => {})
  )
)
