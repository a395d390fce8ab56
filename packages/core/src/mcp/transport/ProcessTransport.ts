/**
 * An MCP server as a child process: with its own process group and environment, MCP on stdin and stdout, the end of
 * stderr kept, and nothing of the group left when the scope closes.
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { undisturbed } from "../../internal/undisturbed.ts"
import * as Redaction from "../redaction/Redaction.ts"
import * as MessageText from "../reading/MessageText.ts"
import * as StdoutReader from "../reading/StdoutReader.ts"
import { Received } from "./Carried.ts"
import { McpServerUnavailable } from "../McpError.ts"
import * as NetworkVariables from "./NetworkVariables.ts"
import type { ServerChannel, ChannelEnd } from "./ServerChannel.ts"
import type { Watch } from "./ProcessGuard.ts"
import type { Launch } from "../config/Launch.ts"
import * as MissingProgram from "./MissingProgram.ts"

export interface ProcessOptions {
  readonly server: string
  readonly launch: Extract<Launch, { readonly _tag: "Stdio" }>
  /** The whole environment of the child. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends the process group if we are killed; undefined in tests that start nothing. */
  readonly watch?: Watch | undefined
}

/**
 * Starts the process. Closing the scope ends its stdin, then sends SIGTERM and then SIGKILL to the whole group, each
 * after a grace period that a cooperative server never uses up.
 */
export const start = Effect.fn("ProcessTransport.start")(function* (options: ProcessOptions) {
  const { environment, launch } = options
  const command = Command.make(launch.command, ...launch.args).pipe(
    // `extendEnv` would pass on our own environment with all its secrets
    Command.env({ ...environment }, { extendEnv: false }),
    launch.cwd === undefined ? (self) => self : Command.workingDirectory(launch.cwd)
  )
  return yield* Effect.uninterruptibleMask((restore) =>
    restore(Command.start(command)).pipe(
      Effect.mapError((error) => notStarted(options, error)),
      Effect.tap((process) => options.watch?.(process.pid) ?? Effect.void),
      Effect.flatMap((process) => talk(process, options))
    )
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const talk = Effect.fnUntraced(function* (
  process: CommandExecutor.Process,
  { environment, launch, server }: ProcessOptions
) {
  const outbox = yield* Mailbox.make<Uint8Array>()
  const { said, text: withoutSecrets } = Redaction.of(launch)
  const redact = (text: string) => NetworkVariables.withoutPasswords(withoutSecrets(text), environment)
  const listening = yield* Deferred.make<void>()
  const tail = { text: "" }
  const noise = { lines: 0, sample: "" }
  const seen = { closed: false }

  const close = () => {
    outbox.unsafeDone(Exit.void)
    if (seen.closed) return
    seen.closed = true
    transport.onclose?.()
  }
  // promises, because this is the SDK's interface
  const transport: Transport = {
    start: () => {
      Deferred.unsafeDone(listening, Effect.void)
      return Promise.resolve()
    },
    send: (message) =>
      outbox.unsafeOffer(encoder.encode(`${MessageText.serialize(message)}\n`))
        ? Promise.resolve()
        : Promise.reject(new TypeError("Not connected")),
    close: () => Promise.resolve(close())
  }

  const hear = (read: MessageText.Read): Effect.Effect<void> => {
    // the client unpacks it: this type is the SDK's
    transport.onmessage?.(new Received(read) as unknown as JSONRPCMessage)
    // the SDK handles a notification one turn later than a result, so one just before the result would be lost
    return read.values.some((value) => Predicate.hasProperty(value, "method")) ? Effect.yieldNow() : Effect.void
  }
  const overhear = (line: string) => {
    noise.lines += 1
    if (noise.lines === 1) noise.sample = redact(line.slice(0, redactedLength)).slice(0, sampleLength)
    return Effect.logDebug("not an MCP message on stdout").pipe(
      Effect.annotateLogs({ server, line: noise.sample, count: noise.lines })
    )
  }
  const reader = StdoutReader.make()
  const receive = (heard: StdoutReader.Heard) => (heard._tag === "Noise" ? overhear(heard.line) : hear(heard.read))
  const reading = yield* Deferred.await(listening).pipe(
    Effect.zipRight(
      Stream.runForEach(process.stdout, (bytes) => {
        const all = reader.push(bytes)
        const [only] = all
        return all.length === 1 && only !== undefined ? receive(only) : Effect.forEach(all, receive, { discard: true })
      })
    ),
    Effect.zipRight(Effect.suspend(() => Effect.forEach(reader.end(), receive, { discard: true }))),
    Effect.catchAllCause((cause) => Effect.logDebug("stdout of an MCP server cannot be read", cause)),
    inBackground
  )
  yield* Mailbox.toStream(outbox).pipe(
    Stream.run(process.stdin),
    // a server that went away is detected by the end of its stdout
    Effect.ignore,
    inBackground
  )
  const complaining = yield* process.stderr.pipe(
    Stream.decodeText(),
    Stream.runForEach((text) =>
      Effect.sync(() => {
        tail.text = endOf(`${tail.text}${text}`)
      })
    ),
    Effect.ignore,
    inBackground
  )

  const status = Effect.match(process.exitCode, {
    onSuccess: (code): ChannelEnd => ({ exitCode: code, detail: "" }),
    onFailure: (error): ChannelEnd => ({ exitCode: undefined, detail: signalOf(error) })
  })
  const ended = yield* Deferred.make<ChannelEnd>()
  const tell = Effect.all([status, Fiber.await(complaining)], { concurrency: 2 }).pipe(
    Effect.map(([end]) => end),
    Effect.interruptible,
    Effect.timeoutTo({ duration: lastWordsWithin, onTimeout: () => stillThere, onSuccess: (end) => end }),
    Effect.flatMap((end) => Deferred.succeed(ended, end)),
    Effect.unlessEffect(Deferred.isDone(ended))
  )
  // the end of stdout is the end, not that of the leading process: a wrapper may exit while the server inside it lives
  // on
  yield* Fiber.await(reading).pipe(Effect.zipRight(Effect.sync(close)), Effect.zipRight(tell), inBackground)
  // added last, so that it runs first: the streams must still work while the server exits. If the scope closes before
  // the server has ended, callers that wait for its end are answered here.
  yield* Effect.addFinalizer(() => Effect.zipRight(stop(process, outbox), tell))

  return {
    transport,
    ended: Deferred.await(ended),
    stderrTail: Effect.sync(() => redact(tail.text).slice(-tailLength)),
    // a process is only told by the end of its stdin
    endSession: Effect.void,
    redact,
    said,
    hint: Effect.sync(() =>
      noise.lines === 0
        ? ""
        : `It wrote ${noise.lines} line(s) to stdout that are not MCP messages, the first: ${noise.sample}`
    )
  } satisfies ServerChannel
})

/** The caller must not be interrupted between the start and `stop`; the forked fiber may be. */
const inBackground = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.forkScoped(Effect.interruptible(self))

/** How many characters of stderr are kept. */
const tailLength = 16_384

/** More than is shown, so that a secret at the beginning of the shown part is found as a whole. */
const endOf = (text: string): string => text.slice(-(tailLength + redactedLength))

const sampleLength = 200

/** Long enough that no secret is cut before it is found. */
const redactedLength = 16_384

/** How long to wait for the exit code and the rest of stderr after stdout has ended. */
const lastWordsWithin = "500 millis"

/** How long a server may take to exit at the end of its stdin. */
const leaveGrace = "1 second"

/** How long a server may take to exit after SIGTERM. */
const termGrace = "2 seconds"

/** How long the kernel may take to carry out SIGKILL. */
const killGrace = "1 second"

const groupPoll = "25 millis"

const encoder = new TextEncoder()

const stillThere: ChannelEnd = { exitCode: undefined, detail: "It closed its stdout." }

const stop = (process: CommandExecutor.Process, outbox: Mailbox.Mailbox<Uint8Array>) => {
  // signals go to the group, and fail when it has no process left
  const groupGone = process.kill("SIGCONT").pipe(Effect.repeat(Schedule.spaced(groupPoll)), Effect.ignore)
  return outbox.end.pipe(
    Effect.zipRight(process.exitCode.pipe(Effect.exit, Effect.interruptible, Effect.timeoutOption(leaveGrace))),
    Effect.zipRight(
      process.kill("SIGTERM").pipe(
        Effect.zipRight(groupGone),
        Effect.interruptible,
        Effect.timeoutTo({ duration: termGrace, onTimeout: () => false, onSuccess: () => true }),
        // no process to receive it: the group has already gone
        Effect.orElseSucceed(() => true)
      )
    ),
    Effect.flatMap((gone) =>
      gone
        ? Effect.void
        : process.kill("SIGKILL").pipe(Effect.interruptible, Effect.timeoutOption(killGrace), Effect.ignore)
    ),
    undisturbed
  )
}

const notStarted = ({ launch, server }: ProcessOptions, error: PlatformError): McpServerUnavailable => {
  const missing = error._tag === "SystemError" && error.reason === "NotFound"
  const unavailable = (why: MissingProgram.Missing) => new McpServerUnavailable({ server, ...why, stderrTail: "" })
  if (missing && error.module === "FileSystem") {
    return unavailable(MissingProgram.noFolder(launch.cwd ?? ""))
  }
  if (missing) return unavailable(MissingProgram.commandNotFound(launch.command))
  return error._tag === "SystemError" && error.reason === "PermissionDenied"
    ? unavailable(MissingProgram.notExecutable(launch.command))
    : unavailable({
        reason: "Spawn",
        detail: `The system refused "${launch.command}" (${error._tag === "SystemError" ? error.reason : error._tag}).`
      })
}

const signalOf = (error: PlatformError) => {
  const signal = /\bSIG[A-Z0-9]+\b/.exec(error.message)
  return signal === null ? "" : `It was killed by ${signal[0]}.`
}
