/**
 * Stands between a transport and the SDK's client, which waits forever for an answer that is not quite valid: matches
 * the server's messages to the pending requests, so that each of them ends.
 */
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  ProtocolErrorCode,
  type Transport
} from "@modelcontextprotocol/client"
import * as Greeting from "../reading/Greeting.ts"
import * as Incoming from "../reading/Incoming.ts"
import { Carried, Received, Thrown } from "./Carried.ts"
import * as ChangeStreams from "./ChangeStreams.ts"
import * as ModernRequests from "../reading/ModernRequests.ts"
import type { Era } from "../config/Launch.ts"
import * as NewerWords from "./NewerWords.ts"
import * as Opening from "./Opening.ts"

export interface TolerantTransport {
  readonly transport: Transport
  /** The answer to `initialize`, verbatim. */
  readonly greeting: () => unknown
  /** In which words the two speak; undefined until the server has greeted. */
  readonly era: () => Era | undefined
  /** The versions of MCP that the server supports, once it is known that we support none of them. */
  readonly foreign: () => ReadonlyArray<string> | undefined
  /** The server has had its time to answer words that it may not know: `initialize` follows, if it has not been asked yet. */
  readonly hurry: () => void
  /** Whether it answered only then. */
  readonly wasSilent: () => boolean
  /** Asks a server that was greeted in the older words, beside all else, whether it knows the newer ones; returns how to leave. */
  readonly wonder: (tell: (knows: boolean) => void) => () => void
  /** Opens a stream of the server's changes; returns how to leave it. Nothing happens in the older words. */
  readonly listen: (wanted: Readonly<Record<string, boolean>>, listener: ChangeStreams.Listener) => () => void
}

/** `begins`: in which words the server is asked first. */
export const make = (inner: Transport, begins: Opening.Begins = "legacy"): TolerantTransport => {
  const open = new Map<number, JSONRPCRequest>()
  /** Requests that were cancelled before their answer, which may still come. */
  const abandoned = new Set<number>()
  let unmatched: Array<Unmatched> = []
  const state: State = {
    greeting: undefined,
    era: undefined,
    foreign: undefined,
    newest: -1,
    asked: [],
    envelope: undefined,
    asks: 0,
    rounds: new Map(),
    hurried: false,
    both: undefined,
    about: {}
  }
  /** Under which id of ours a request was sent, in the revisions since 2026-07-28. */
  const sentAs = new Map<number, number>()
  const leaving = new Map<number, () => void>()
  const streams = ChangeStreams.make(inner)
  const newer = NewerWords.make(inner)
  /** Questions that the SDK's client is answering. */
  const pending = new Map<string | number, (answer: JSONRPCMessage) => void>()
  const ours = (id: number | undefined) => (id === undefined ? undefined : (sentAs.get(id) ?? id))

  const deliver = (message: JSONRPCMessage) => transport.onmessage?.(message)

  const end = (id: number, ending: Incoming.Ending) => {
    const request = open.get(id)
    if (request === undefined) return
    if (request.method === "initialize") return greeted(request, ending)
    const asked = state.envelope === undefined ? undefined : ModernRequests.questionsIn(ending)
    if (asked !== undefined) return void answer(id, request, asked)
    forget(id)
    deliver({ jsonrpc: "2.0", id, result: { carried: new Carried(ending) } })
    settle()
  }

  /** Asks the SDK's client what the server asks, and sends the request again with the answers. */
  const answer = (id: number, request: JSONRPCRequest, { questions, requestState }: ModernRequests.Questions) => {
    const rounds = (state.rounds.get(id) ?? 0) + 1
    state.rounds.set(id, rounds)
    const fail = (text: string) => {
      state.rounds.delete(id)
      end(id, Incoming.failed(text))
    }
    if (rounds > mostRounds) return fail(`It asked more than ${mostRounds} times.`)
    const inputResponses: Record<string, unknown> = {}
    let left = questions.length
    const again = () => {
      const more = { inputResponses, ...(requestState === undefined ? {} : { requestState }) }
      if (open.has(id)) forward(id, request, more).catch((error: unknown) => fail(String(error)))
    }
    if (left === 0) return again()
    for (const { key, method, params } of questions) {
      const asked = `question/${++state.asks}`
      pending.set(asked, (given) => {
        if ("error" in given) return fail(given.error.message)
        if (!("result" in given)) return
        inputResponses[key] = given.result
        if (--left === 0) again()
      })
      deliver({ jsonrpc: "2.0", id: asked, method, params: { ...params } })
    }
  }

  /** Under an id that is new for the server: a request is sent again as another one. */
  const forward = (id: number, request: JSONRPCRequest, more = {}, options?: Parameters<Transport["send"]>[1]) => {
    const { envelope } = state
    if (envelope === undefined) return inner.send(request, options)
    return again(id, (sent) => ModernRequests.within(envelope, sent, request, more), options)
  }

  /** Asks the server how to begin, in the words of the one kind or the other. */
  const begin = (request: JSONRPCRequest, asked: Opening.Asked): Promise<void> => {
    state.asked.push(asked)
    const { id } = request
    const { both, method, version } = asked
    const begun =
      method === "server/discover"
        ? again(Number(id), (sent) => ModernRequests.discovering(request.params, sent))
        : both === true
          ? again(Number(id), (sent) => ModernRequests.initializing(request, (state.both = sent)))
          : inner.send(
              version === undefined ? request : { ...request, params: { ...request.params, protocolVersion: version } }
            )
    return begun.catch((error: unknown) => {
      // only of the last question is the failure of interest
      if (state.asked.at(-1) !== asked) return
      if (method === "initialize" || !Opening.isDeclined(error)) throw error
      greeted(request, Incoming.failed(String(error)))
    })
  }
  const beginAgain = (request: JSONRPCRequest, asked: Opening.Asked) => {
    const id = Number(request.id)
    begin(request, asked).catch((error: unknown) => {
      if (!open.has(id)) return
      const data = new Thrown(error)
      forget(id)
      deliver({ jsonrpc: "2.0", id, error: { code: ProtocolErrorCode.InternalError, message: String(error), data } })
    })
  }
  const greeted = (request: JSONRPCRequest, ending: Incoming.Ending): void => {
    const { id } = request
    if (typeof id !== "number") return
    const tell = (message: JSONRPCMessage) => {
      forget(id)
      deliver(message)
    }
    const step = Opening.next(state.asked, ending)
    if (step._tag === "Ask") {
      unsent(id)
      beginAgain(request, step.asked)
    } else if (step._tag === "Greeted") {
      state.greeting = step.greeting
      state.era = step.era
      state.about = request.params
      if (step.era === "modern") state.envelope = ModernRequests.envelopeOf(request.params)
      tell({ jsonrpc: "2.0", id, result: { ...Greeting.read(step.greeting) } })
    } else {
      const { code = ProtocolErrorCode.InternalError, data, text } = step.error
      state.foreign = step.foreign
      tell({ jsonrpc: "2.0", id, error: { code, message: text, data } })
    }
  }
  /** Sends a request under an id that is new for the server. */
  const again = (
    id: number,
    make: (sent: number) => JSONRPCRequest,
    options?: Parameters<Transport["send"]>[1]
  ): Promise<void> => {
    const sent = firstAgain + ++state.asks
    sentAs.set(sent, id)
    const leaves = new AbortController()
    leaving.set(id, () => leaves.abort())
    return inner.send(make(sent), { ...options, requestSignal: leaves.signal }).catch((error: unknown) => {
      if (!leaves.signal.aborted) throw error
    })
  }
  const unsent = (id: number) => {
    for (const [sent, mine] of sentAs) if (mine === id) sentAs.delete(sent)
    leaving.delete(id)
  }
  const forget = (id: number) => {
    open.delete(id)
    state.rounds.delete(id)
    unsent(id)
  }

  /** Assigns answers without an id, once only one assignment is possible. */
  const settle = (): void => {
    if (unmatched.length === 0) return
    const waiting = [...open.keys()].filter((id) => unmatched.some(({ before }) => id <= before))
    if (waiting.length > unmatched.length) return
    const [only, ...more] = waiting
    const [{ answer } = { answer: undefined }] = unmatched
    unmatched = []
    if (only === undefined || answer === undefined) return
    if (more.length === 0) return end(only, answer.ending)
    for (const id of waiting)
      end(id, Incoming.failed(`It answered without saying which request it meant: ${wordsOf(answer)}`))
  }

  const answered = (answer: Answer, about: number | undefined) => {
    const { ending } = answer
    const sent = about ?? idOf(answer.id)
    if (streams.end(sent, ending)) return
    if (newer.take(sent, ending)) return
    if (sent === state.both) state.both = undefined
    const named = ours(idOf(answer.id))
    if (named !== undefined && open.has(named)) return end(named, ending)
    if (about !== undefined) {
      const meant = ours(about)
      if (meant !== undefined && open.has(meant)) end(meant, ending)
      return
    }
    // late, or a duplicate
    if (named !== undefined && named >= 0 && named <= state.newest) return void abandoned.delete(named)
    if (named !== undefined && named > firstAgain && named <= firstAgain + state.asks) return
    const [only, ...more] = open.keys()
    if (only === undefined) return
    if (abandoned.size > 0) {
      // its request cannot be determined any more: the connection is unusable
      for (const id of open.keys()) {
        end(
          id,
          Incoming.failed(`It answered without an id, and a request before had been given up: ${wordsOf(answer)}`)
        )
      }
      return void inner.close()
    }
    if (more.length === 0) return end(only, ending)
    if (unmatched.length < maxUnmatched) unmatched.push({ answer, before: state.newest })
    settle()
  }

  const receive = ({ about, read }: Received) => {
    if (read.broken !== undefined) {
      const unreadable = Incoming.unreadable(read.broken)
      return unreadable._tag === "Answer" ? answered(unreadable, about) : undefined
    }
    for (const value of read.values) {
      const isReply = about !== undefined && open.has(ours(about) ?? -1)
      const [only, ...more] = open.values()
      const method = more.length === 0 ? only?.method : undefined
      const isOpen = (id: unknown) => typeof id === "number" && open.has(ours(id) ?? -1)
      for (const incoming of Incoming.of(value, { isReply, method, isOpen })) {
        if (incoming._tag === "Said") {
          if (incoming.message.method === "notifications/subscriptions/acknowledged") streams.heard()
          // a progress report only counts for the request that it names
          deliver(incoming.message)
        } else answered(incoming, about)
      }
    }
  }
  const transport: Transport = {
    start: () => {
      const before = inner.onmessage
      inner.onmessage = (message: unknown, extra) => {
        before?.(message as JSONRPCMessage, extra) // the SDK's type promises more than servers keep
        receive(message instanceof Received ? message : new Received({ values: [message], broken: undefined }))
      }
      const { onclose, onerror } = inner
      inner.onclose = () => (onclose?.(), open.clear(), transport.onclose?.())
      inner.onerror = (error) => (onerror?.(error), transport.onerror?.(error))
      return inner.start()
    },
    send: (message, options) => {
      if (isJSONRPCRequest(message) && typeof message.id === "number") {
        const { id } = message
        open.set(id, message)
        state.newest = Math.max(state.newest, id)
        const sent =
          message.method === "initialize" ? begin(message, Opening.first(begins)) : forward(id, message, {}, options)
        return sent.catch((error: unknown) => {
          open.delete(id)
          settle()
          throw error
        })
      }
      const wait = "id" in message && !("method" in message) ? pending.get(message.id ?? "") : undefined
      if (wait !== undefined && "id" in message) {
        pending.delete(message.id ?? "")
        wait(message)
        return Promise.resolve()
      }
      const isNotice = isJSONRPCNotification(message)
      const id =
        isNotice && message.method === "notifications/cancelled" ? idOf(message.params?.["requestId"]) : undefined
      if (id !== undefined && open.delete(id)) abandoned.add(id)
      // the newer revision has no other notices of a client; over HTTP it ends a request by leaving
      if (state.envelope !== undefined && isNotice) {
        if (id === undefined) return Promise.resolve()
        leaving.get(id)?.()
        const [sent] = [...sentAs].findLast(([, mine]) => mine === id) ?? []
        if (inner.hasPerRequestStream === true || sent === undefined) return Promise.resolve()
        return inner.send({ ...message, params: { ...message.params, requestId: sent, _meta: state.envelope } })
      }
      return inner.send(message, options)
    },
    close: () => inner.close(),
    get sessionId() {
      return inner.sessionId
    },
    setProtocolVersion: (version) =>
      inner.setProtocolVersion?.(state.envelope === undefined ? version : ModernRequests.revision)
  }
  return {
    transport,
    greeting: () => state.greeting,
    era: () => state.era,
    foreign: () => state.foreign,
    listen: (wanted, listener) =>
      state.envelope === undefined
        ? () => {}
        : streams.open(firstAgain + ++state.asks, state.envelope, wanted, listener),
    hurry: () => {
      const request = [...open.values()].find(({ method }) => method === "initialize")
      const [asked, ...more] = state.asked
      if (request === undefined || typeof request.id !== "number" || asked === undefined || more.length > 0) return
      if (asked.both === true) {
        state.hurried = true
        // it may only be slow: then it answers both, the first one first
        beginAgain(request, { method: "initialize" })
      } else if (asked.method === "server/discover") {
        state.hurried = true
        leaving.get(request.id)?.()
        greeted(request, Incoming.failed("It did not answer server/discover."))
      }
    },
    wasSilent: () => state.hurried && (state.asked[0]?.both !== true || state.both !== undefined),
    wonder: (tell) => newer.ask(firstAgain + ++state.asks, state.about, tell)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Answer = Extract<Incoming.Incoming, { readonly _tag: "Answer" }>

interface Unmatched {
  readonly answer: Answer
  /** The newest request when it arrived. */
  readonly before: number
}

interface State {
  greeting: unknown
  era: Era | undefined
  foreign: ReadonlyArray<string> | undefined
  newest: number
  /** How the server has been asked to begin, oldest first. */
  readonly asked: Array<Opening.Asked>
  /** What each request says about us, once the server speaks 2026-07-28. */
  envelope: Record<string, unknown> | undefined
  asks: number
  hurried: boolean
  /** The id of the `initialize` in both words, until it has been answered. */
  both: number | undefined
  /** What `initialize` said about us. */
  about: JSONRPCRequest["params"]
  /** How often a request has been sent again with answers. */
  readonly rounds: Map<number, number>
}

const mostRounds = 8

/** Ids from here on are of requests in the newer revision. */
const firstAgain = 1_000_000

const maxUnmatched = 16

const idOf = (id: unknown): number | undefined => {
  const number = typeof id === "string" && /^\d{1,15}$/.test(id.trim()) ? Number(id) : id
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined
}

const wordsOf = ({ came }: Answer) => JSON.stringify(came)?.slice(0, 400) ?? ""
