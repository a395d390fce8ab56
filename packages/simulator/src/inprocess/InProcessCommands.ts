/** A `CommandExecutor` whose only program is `lms`: no processes, but the same streams, signals and exit codes. */
import type * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as PlatformError from "@effect/platform/Error"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as LmsCommand from "../lms/LmsCommand.ts"
import type { Signal } from "../lms/Terminal.ts"
import type { World } from "../World.ts"

/** Runs the program names in `binaries` and anything called `lms`; any other program is not found. */
export const make = (world: World, binaries: ReadonlyArray<string> = []): CommandExecutor.CommandExecutor =>
  CommandExecutor.makeExecutor((command) =>
    Effect.suspend(() => {
      const [program, ...argv] = argvOf(command)
      const name = program ?? ""
      if (!binaries.includes(name) && !/(^|[\\/])lms(\.exe)?$/.test(name)) {
        return Effect.zipRight(
          world.recorder.problem(`The program ${name} was started, and the simulator only has lms.`),
          notFound(name)
        )
      }
      return start(world, command, argv)
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const argvOf = (command: Command.Command): ReadonlyArray<string> =>
  command._tag === "StandardCommand" ? [command.command, ...command.args] : argvOf(command.left)

const stdinOf = (command: Command.Command): Command.CommandInput =>
  command._tag === "StandardCommand" ? command.stdin : stdinOf(command.left)

const environmentOf = (command: Command.Command): Command.StandardCommand["env"] =>
  command._tag === "StandardCommand" ? command.env : environmentOf(command.left)

const notFound = (program: string) =>
  new PlatformError.SystemError({
    reason: "NotFound",
    module: "Command",
    method: "spawn",
    pathOrDescriptor: program,
    syscall: `spawn ${program}`,
    description: `spawn ${program} ENOENT`
  })

const killed = (signal: string) =>
  new PlatformError.SystemError({
    reason: "Unknown",
    module: "Command",
    method: "exitCode",
    pathOrDescriptor: "lms",
    description: `Process interrupted due to receipt of signal: ${signal}`
  })

const start = Effect.fnUntraced(function* (world: World, command: Command.Command, argv: ReadonlyArray<string>) {
  const stdout = yield* Mailbox.make<Uint8Array>()
  const stderr = yield* Mailbox.make<Uint8Array>()
  const exit = yield* Deferred.make<CommandExecutor.ExitCode, PlatformError.PlatformError>()
  const caught = yield* Ref.make<ReadonlySet<string>>(new Set())
  const ignoring = yield* Ref.make(false)
  const signals = yield* Queue.unbounded<Signal>()
  const lines = yield* Queue.unbounded<string | undefined>()
  const encoder = new TextEncoder()
  const stdin = stdinOf(command)
  // An open pipe without a writer stays open and silent, like that of a real child process.
  if (typeof stdin !== "string") {
    yield* world.state.fork(
      stdin.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.runForEach((line) => Queue.offer(lines, line)),
        Effect.ignore,
        Effect.zipRight(Queue.offer(lines, undefined))
      )
    )
  }
  const finish = (result: Effect.Effect<CommandExecutor.ExitCode, PlatformError.PlatformError>) =>
    stdout.end.pipe(Effect.zipRight(stderr.end), Effect.zipRight(Deferred.complete(exit, result)), Effect.asVoid)
  const fiber = yield* world.state.fork(
    LmsCommand.run(world, {
      argv,
      language: Option.getOrUndefined(HashMap.get(environmentOf(command), "LMS_LANG")),
      out: (text) => Effect.asVoid(stdout.offer(encoder.encode(text))),
      err: (text) => Effect.asVoid(stderr.offer(encoder.encode(text))),
      line: Queue.take(lines),
      handle: (wanted) => Effect.as(Ref.set(caught, new Set(wanted)), Queue.take(signals)),
      ignoreSignals: Ref.set(ignoring, true)
    }).pipe(Effect.flatMap((code) => finish(Effect.succeed(CommandExecutor.ExitCode(code)))))
  )
  const deliver = Effect.fnUntraced(function* (signal: CommandExecutor.Signal) {
    if (yield* Deferred.isDone(exit)) return
    if (signal === "SIGINT" || signal === "SIGTERM") {
      if (yield* Ref.get(ignoring)) return
      if ((yield* Ref.get(caught)).has(signal)) {
        yield* Queue.offer(signals, signal)
        return
      }
    }
    yield* Fiber.interrupt(fiber)
    yield* finish(killed(signal))
  })
  yield* Effect.addFinalizer(() =>
    Effect.zipRight(deliver("SIGTERM"), Effect.ignore(Deferred.await(exit))).pipe(
      Effect.unlessEffect(Deferred.isDone(exit))
    )
  )
  const process: CommandExecutor.Process = {
    ...Inspectable.BaseProto,
    [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
    toJSON: () => ({ _id: "SimulatedProcess", argv }),
    pid: CommandExecutor.ProcessId((yield* world.state.settings).pid + 1),
    exitCode: Deferred.await(exit),
    isRunning: Effect.map(Deferred.isDone(exit), (done) => !done),
    kill: (signal = "SIGTERM") => Effect.zipRight(deliver(signal), Effect.ignore(Deferred.await(exit))),
    stdin: Sink.forEach((chunk: unknown) =>
      chunk instanceof Uint8Array ? Queue.offer(lines, new TextDecoder().decode(chunk).trimEnd()) : Effect.void
    ).pipe(Sink.ensuring(Queue.offer(lines, undefined))),
    stdout: Mailbox.toStream(stdout),
    stderr: Mailbox.toStream(stderr)
  }
  return process
})
