/**
 * A small shell that outlives us by a few seconds: if we die without a chance to clean up, it ends the process groups
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
  /** Keeps the guard running until the scope closes. Acquire it before starting the process to watch. */
  readonly hold: Effect.Effect<Watch, never, Scope.Scope>
}

/** Watches the process group of a leader until the scope closes. */
export type Watch = (leader: CommandExecutor.ProcessId) => Effect.Effect<void, never, Scope.Scope>

/**
 * One guard for all servers; it runs while there are any. Without `sh` there is no guard, and a server that does not
 * exit at the end of its stdin keeps running when we are killed.
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
        Effect.acquireRelease(tell(`+ ${leader}\n`), () => tell(`- ${leader}\n`))
  )
  return { hold } satisfies ProcessGuard
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/**
 * Reads the current groups from its input. At the end of the input, which means that we have ended, it gives them a
 * second to exit by themselves, because their stdin has ended too; then sends SIGTERM, and two seconds later SIGKILL.
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

/** How long the shell may take to notice the end of its input and exit. */
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
        // it ignores every other signal
        Effect.flatMap((left) => (left._tag === "Some" ? Effect.void : Effect.ignore(process.kill("SIGKILL"))))
      )
    )
    return (line: string) => Effect.asVoid(outbox.offer(encoder.encode(line)))
  })
).pipe(
  Effect.catchAll((error) =>
    Effect.as(Effect.logDebug("no guard for the processes of MCP servers", error), (_: string) => Effect.void)
  )
)
