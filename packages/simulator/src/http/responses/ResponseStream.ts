/** The event stream of `/v1/responses`: numbered events in the recorded order, without `[DONE]` at its end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Completed, Generation, Piece } from "../../model/Generation.ts"
import type { EngineFault } from "../../model/Generation.ts"
import type { Cut } from "../Reply.ts"
import type { View } from "./ResponseItems.ts"
import * as Items from "./ResponseItems.ts"
import type { Frame } from "../ServerSentEvents.ts"
import * as Sse from "../ServerSentEvents.ts"

export const frames = (
  view: View,
  { pieces, turn }: Generation,
  remember: (completed: Completed) => Effect.Effect<void>
): Stream.Stream<Frame, Cut> => {
  const failed = (fault: EngineFault): Failed => ({ _tag: "Failed", fault })
  const rendered = pieces.pipe(
    Stream.catchTag("SimulatedEngineFault", (fault) => Stream.succeed(failed(fault))),
    Stream.mapAccumEffect(start, (position, piece) => {
      if (piece._tag === "Done") {
        return Effect.map(Effect.zipRight(remember(piece.completed), Clock.currentTimeMillis), (now) => {
          const closed = close(view, position)
          const body = Items.responseBody(view, piece.completed, Math.floor(now / 1000))
          const last = {
            type: body.status === "incomplete" ? "response.incomplete" : "response.completed",
            response: body
          }
          return [closed.position, turn.withoutDone ? closed.events : [...closed.events, last]] as const
        })
      }
      return Effect.succeed(step(view, position, piece))
    }),
    Stream.flattenIterables
  )
  const opening: ReadonlyArray<Event> = [
    { type: "response.created", response: Items.responseBody(view) },
    { type: "response.in_progress", response: Items.responseBody(view) }
  ]
  return Stream.fromIterable(opening).pipe(
    Stream.concat(rendered),
    Stream.zipWithIndex,
    Stream.map(([event, index]) => Sse.frame({ ...event, sequence_number: index }, event.type))
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Failed {
  readonly _tag: "Failed"
  readonly fault: EngineFault
}

interface Event {
  readonly type: string
  readonly [fact: string]: unknown
}

/** The open item, if any, and how many have been closed. */
interface Position {
  readonly kind: "reasoning" | "message" | "call" | undefined
  readonly index: number
  readonly text: string
  readonly name: string
  readonly calls: number
}

const start: Position = { kind: undefined, index: 0, text: "", name: "", calls: 0 }

interface Stepped {
  readonly position: Position
  readonly events: ReadonlyArray<Event>
}

type Turned = readonly [Position, ReadonlyArray<Event>]

const step = (view: View, position: Position, piece: Exclude<Piece, { _tag: "Done" }> | Failed): Turned => {
  switch (piece._tag) {
    case "PromptProgress":
      return [position, []]
    case "Failed":
      return [
        position,
        [{ type: "error", code: piece.fault.code ?? "unknown", message: piece.fault.text, param: null }]
      ]
    case "Reasoning":
    case "Text":
      return written(view, position, piece._tag === "Text" ? "message" : "reasoning", piece.text)
    case "ToolCall": {
      const closed = close(view, position)
      const item = Items.callItem(view, piece.index, piece.call.name, undefined)
      return [
        { ...closed.position, kind: "call", text: "", name: piece.call.name, calls: piece.index },
        [...closed.events, { type: "response.output_item.added", output_index: closed.position.index, item }]
      ]
    }
    case "ToolArguments":
      return [
        { ...position, text: position.text + piece.text },
        [
          {
            type: "response.function_call_arguments.delta",
            item_id: view.ids.call(piece.index),
            output_index: position.index,
            delta: piece.text
          }
        ]
      ]
  }
}

const written = (view: View, position: Position, kind: "reasoning" | "message", text: string): Turned => {
  const opened = position.kind === kind ? { position, events: [] } : open(view, close(view, position), kind)
  const facts = { item_id: itemId(view, kind), output_index: opened.position.index, content_index: 0, delta: text }
  const delta: Event =
    kind === "message"
      ? { type: "response.output_text.delta", ...facts, logprobs: [] }
      : { type: "response.reasoning_text.delta", ...facts }
  return [{ ...opened.position, text: opened.position.text + text }, [...opened.events, delta]]
}

const itemId = (view: View, kind: "reasoning" | "message") =>
  kind === "message" ? view.ids.message : view.ids.reasoning

const partOf = (kind: "reasoning" | "message", text: string) =>
  kind === "message" ? { type: "output_text", text, annotations: [], logprobs: [] } : { type: "reasoning_text", text }

const open = (view: View, before: Stepped, kind: "reasoning" | "message"): Stepped => ({
  position: { ...before.position, kind, text: "" },
  events: [
    ...before.events,
    {
      type: "response.output_item.added",
      output_index: before.position.index,
      item: kind === "message" ? Items.messageItem(view, undefined) : Items.reasoningItem(view, undefined)
    },
    {
      type: "response.content_part.added",
      item_id: itemId(view, kind),
      output_index: before.position.index,
      content_index: 0,
      part: partOf(kind, "")
    }
  ]
})

const close = (view: View, position: Position): Stepped => {
  const { calls, index, kind, name, text } = position
  if (kind === undefined) return { position, events: [] }
  const done = { ...position, kind: undefined, index: index + 1, text: "" }
  if (kind === "call") {
    const item = Items.callItem(view, calls, name, text)
    return {
      position: done,
      events: [
        {
          type: "response.function_call_arguments.done",
          item_id: item.id,
          output_index: index,
          arguments: text
        },
        { type: "response.output_item.done", output_index: index, item }
      ]
    }
  }
  const facts = { item_id: itemId(view, kind), output_index: index, content_index: 0 }
  return {
    position: done,
    events: [
      kind === "message"
        ? { type: "response.output_text.done", ...facts, text, logprobs: [] }
        : { type: "response.reasoning_text.done", ...facts, text },
      { type: "response.content_part.done", ...facts, part: partOf(kind, text) },
      {
        type: "response.output_item.done",
        output_index: index,
        item: kind === "message" ? Items.messageItem(view, text) : Items.reasoningItem(view, text)
      }
    ]
  }
}
