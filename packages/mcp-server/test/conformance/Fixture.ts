/** What the official conformance suite wants to call, read and be asked, over our own server. */
import { AskClient, type ClientAnswers, type ClientRequest, Elicit, type Form } from "#src/protocol/CallContext.ts"
import { text, type Content } from "#src/tools/Content.ts"
import type { Surface } from "#src/protocol/Server.ts"
import type { Entry, Shelf } from "#src/protocol/skills/SkillEntry.ts"
import type { Failure, Progress, Reply, Tool } from "#src/tools/Tool.ts"
import * as Tools from "#src/tools/Tool.ts"
import type { ObjectSchema } from "#src/tools/ToolSchema.ts"
import { Effect, Option, PubSub, Ref, Stream } from "effect"
import { taskTools } from "./TaskFixture.ts"

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
const image: Content = { type: "image", data: png, mimeType: "image/png" }

const resource = (uri: string, mimeType: string, text: string): Content => ({
  type: "resource",
  resource: { uri, mimeType, text }
})

const tool = (
  name: string,
  call: (input: Readonly<Record<string, unknown>>, progress: Progress) => Effect.Effect<Reply, Failure>,
  inputSchema: ObjectSchema = { type: "object", properties: {} }
): Tool<never> => ({
  name,
  title: name,
  description: `Answers the conformance scenario of ${name}.`,
  annotations: Tools.looks,
  long: false,
  inputSchema,
  outputSchema: undefined,
  call
})

const answers = (name: string, ...content: ReadonlyArray<Content>) => tool(name, () => Effect.succeed({ content }))

const asks = (name: string, form: (input: Readonly<Record<string, unknown>>) => Form, inputSchema?: ObjectSchema) =>
  tool(
    name,
    (input) =>
      Effect.flatMap(
        Elicit,
        Option.match({
          onNone: () => Effect.fail({ _tag: "NobodyToAsk", message: "The client cannot ask anybody." }),
          onSome: ({ ask }) =>
            Effect.map(ask(form(input)), ({ action, content }) => ({
              content: [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)]
            }))
        })
      ),
    inputSchema
  )

const object = (field: string, type: string): Form["requestedSchema"] => ({
  type: "object",
  properties: { [field]: { type } },
  required: [field]
})

/** What it asks the client itself, by the names of the answers. */
const requests = {
  user_name: {
    method: "elicitation/create",
    params: { message: "What is your name?", requestedSchema: object("name", "string") }
  },
  greeting: {
    method: "sampling/createMessage",
    params: {
      messages: [{ role: "user", content: { type: "text", text: "What is the capital of France?" } }],
      maxTokens: 100
    }
  },
  client_roots: { method: "roots/list", params: {} }
} as const satisfies Readonly<Record<string, ClientRequest>>

const askClient = (asked: (can: object) => Readonly<Record<string, ClientRequest>>): Effect.Effect<ClientAnswers> =>
  Effect.flatMap(
    AskClient,
    Option.match({ onNone: () => Effect.succeed({}), onSome: ({ ask, can }) => ask(asked(can)) })
  )

const asksClient = (name: string, ...keys: ReadonlyArray<keyof typeof requests>) =>
  tool(name, () =>
    Effect.map(
      askClient(() => Object.fromEntries(keys.map((key) => [key, requests[key]]))),
      (answers) => ({ content: [text(`Answers: ${JSON.stringify(answers)}`)] })
    )
  )

/** Asks the model, and the person only where there is one. */
const asksWhatItCan = tool("test_input_required_result_capabilities", () =>
  Effect.map(
    askClient((can) => ({
      ...("elicitation" in can ? { user_name: requests.user_name } : {}),
      ...("sampling" in can ? { greeting: requests.greeting } : {})
    })),
    (answers) => ({ content: [text(`Answers: ${JSON.stringify(answers)}`)] })
  )
)

/** Asks the client's model what it is told to. */
const samples = tool(
  "test_sampling",
  ({ prompt }) => {
    const messages = [{ role: "user", content: { type: "text", text: String(prompt) } }]
    return Effect.map(
      askClient(() => ({ reply: { method: "sampling/createMessage", params: { messages, maxTokens: 100 } } })),
      ({ reply }) => ({ content: [text(`LLM response: ${JSON.stringify(reply)}`)] })
    )
  },
  { type: "object", properties: { prompt: { type: "string" } }, required: ["prompt"] }
)

const oneString = (name: string): ObjectSchema => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  required: [name]
})

/** Two questions, one after the other: the second is asked when the first has been answered. */
const twice = tool("test_input_required_result_multi_round", () =>
  Effect.flatMap(
    Elicit,
    Option.match({
      onNone: () => Effect.fail({ _tag: "NobodyToAsk", message: "The client cannot ask anybody." }),
      onSome: ({ ask }) =>
        Effect.map(
          Effect.forEach(
            [
              { key: "step1", message: "Step 1: What is your name?", requestedSchema: object("name", "string") },
              {
                key: "step2",
                message: "Step 2: What is your favorite color?",
                requestedSchema: object("color", "string")
              }
            ],
            ask
          ),
          (answers) => ({ content: [text(JSON.stringify(answers))] })
        )
    })
  )
)

const logging = (name: string) =>
  tool(name, () =>
    Effect.forEach(["Tool execution started", "Tool processing data", "Tool execution completed"], (line) =>
      Effect.zipRight(Effect.logInfo(line), Effect.sleep("50 millis"))
    ).pipe(Effect.as({ content: [text("It has logged.")] }))
  )

const titled = (...titles: ReadonlyArray<string>) =>
  titles.map((title, index) => ({ const: `value${index + 1}`, title }))

const options = ["option1", "option2", "option3"]

const changed = Effect.runSync(PubSub.unbounded<{ readonly uri: string }>())
const calls = Effect.runSync(Ref.make<ReadonlyArray<string>>([]))

/** Not for the suite: what our own tests look at. */
const ownTools = [
  tool("change_watched_resource", () =>
    Effect.as(PubSub.publish(changed, { uri: "test://watched-resource" }), { content: [text("It has changed.")] })
  ),
  tool("wait_for_ever", ({ label }) => {
    const note = (what: string) => Ref.update(calls, (all) => [...all, `${String(label)} ${what}`])
    return Effect.zipRight(
      note("began"),
      Effect.onInterrupt(Effect.never, () => note("ended"))
    )
  }),
  tool("waiting_calls", () => Effect.map(Ref.get(calls), (all) => ({ content: [text(all.join(", "))] })))
]

const tools: ReadonlyArray<Tool<never>> = [
  answers("test_simple_text", text("This is a simple text response for testing.")),
  answers("test_image_content", image),
  answers("test_audio_content", { type: "audio", data: wav, mimeType: "audio/wav" }),
  answers(
    "test_embedded_resource",
    resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
  ),
  answers(
    "test_multiple_content_types",
    text("Multiple content types test:"),
    image,
    resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
  ),
  tool("test_error_handling", () =>
    Effect.fail({ _tag: "Intended", message: "This tool intentionally returns an error for testing" })
  ),
  logging("test_tool_with_logging"),
  logging("test_logging_tool"),
  asks("test_streaming_elicitation", () => ({ message: "A name?", requestedSchema: object("name", "string") })),
  asks("test_input_required_result_elicitation", () => ({
    key: "user_name",
    message: "What is your name?",
    requestedSchema: object("name", "string")
  })),
  asks("test_input_required_result_request_state", () => ({
    key: "confirm",
    message: "Please confirm: state-ok",
    requestedSchema: object("ok", "boolean")
  })),
  asks("test_input_required_result_tampered_state", () => ({
    key: "confirm",
    message: "Please confirm",
    requestedSchema: object("ok", "boolean")
  })),
  twice,
  asksClient("test_input_required_result_sampling", "greeting"),
  asksClient("test_input_required_result_list_roots", "client_roots"),
  asksClient("test_input_required_result_multiple_inputs", "user_name", "greeting", "client_roots"),
  asksClient("test_missing_capability", "greeting"),
  asksWhatItCan,
  samples,
  tool("test_tool_with_progress", (_, progress) =>
    Effect.forEach(["one third", "two thirds", "all"], (line) =>
      Effect.zipRight(progress.tell(line), Effect.sleep("50 millis"))
    ).pipe(Effect.as({ content: [text("It has made progress.")] }))
  ),
  asks(
    "test_elicitation",
    ({ message }) => ({
      message: String(message),
      requestedSchema: {
        type: "object",
        properties: { username: { type: "string" }, email: { type: "string" } },
        required: ["username", "email"]
      }
    }),
    oneString("message")
  ),
  asks("test_elicitation_sep1034_defaults", () => ({
    message: "Defaults of every type.",
    requestedSchema: {
      type: "object",
      properties: {
        name: { type: "string", default: "John Doe" },
        age: { type: "integer", default: 30 },
        score: { type: "number", default: 95.5 },
        status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
        verified: { type: "boolean", default: true }
      }
    }
  })),
  asks("test_elicitation_sep1330_enums", () => ({
    message: "Every kind of choice.",
    requestedSchema: {
      type: "object",
      properties: {
        untitledSingle: { type: "string", enum: options },
        titledSingle: { type: "string", oneOf: titled("First Option", "Second Option", "Third Option") },
        legacyEnum: {
          type: "string",
          enum: ["opt1", "opt2", "opt3"],
          enumNames: ["Option One", "Option Two", "Option Three"]
        },
        untitledMulti: { type: "array", items: { type: "string", enum: options } },
        titledMulti: { type: "array", items: { anyOf: titled("First Choice", "Second Choice", "Third Choice") } }
      }
    }
  })),
  tool("json_schema_2020_12_tool", () => Effect.succeed({ content: [text("It takes an address.")] }), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    $defs: { address: { type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
    properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" } },
    additionalProperties: false
  })
]

const described = (name: string) => ({ name, title: name, description: `Answers the conformance scenario of ${name}.` })

const fixed = (uri: string, mimeType: string, content: string, isBinary = false) => ({
  ...described(uri.slice("test://".length)),
  uri,
  mimeType,
  isBinary,
  read: Effect.succeed(content)
})

const argument = (name: string) => ({ name, description: `The argument ${name}.`, required: true })

const skill: Entry = {
  uri: "skill://test-skill/SKILL.md",
  frontmatter: { name: "test-skill", description: "A skill for testing." },
  resources: [{ uri: "skill://test-skill/SKILL.md", digest: `sha256:${"0".repeat(64)}`, size: 5 }]
}

const skills: Shelf<never> = {
  list: Effect.succeed([skill]),
  get: (uri) => Effect.succeed(uri === skill.uri ? skill : undefined),
  read: (uri) => Effect.succeed(uri === skill.uri ? { uri, mimeType: "text/markdown", text: "Test." } : undefined),
  directory: (uri) =>
    Effect.succeed(
      uri === "skill://test-skill" ? [{ uri: skill.uri, name: "SKILL.md", mimeType: "text/markdown" }] : undefined
    )
}

export const fixture: Surface<never> = {
  tools: [...tools, ...taskTools, ...ownTools],
  describeOutput: true,
  reading: {
    skills,
    resources: [
      fixed("test://static-text", "text/plain", "This is the content of the static text resource."),
      fixed("test://static-binary", "image/png", png, true),
      fixed("test://watched-resource", "text/plain", "Watched.")
    ],
    templates: [
      {
        ...described("template"),
        prefix: "test://template/",
        variable: "id",
        suffix: "/data",
        mimeType: "application/json",
        read: (id) => Effect.succeed(JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })),
        list: Effect.succeed([]),
        complete: Effect.succeed(["1", "2"])
      }
    ],
    prompts: [
      {
        ...described("test_simple_prompt"),
        arguments: [],
        render: () => [text("This is a simple prompt for testing.")]
      },
      {
        ...described("test_prompt_with_arguments"),
        arguments: [{ ...argument("arg1"), complete: Effect.succeed(["test-1", "test-2"]) }, argument("arg2")],
        render: (argument) => [text(`Prompt with arguments: arg1='${argument("arg1")}', arg2='${argument("arg2")}'`)]
      },
      {
        ...described("test_prompt_with_embedded_resource"),
        arguments: [argument("resourceUri")],
        render: (argument) => [
          resource(argument("resourceUri"), "text/plain", "Embedded resource content for testing."),
          text("Please process the embedded resource above.")
        ]
      },
      {
        ...described("test_prompt_with_image"),
        arguments: [],
        render: () => [image, text("Please analyze the image above.")]
      },
      {
        ...described("test_input_required_result_prompt"),
        arguments: [],
        render: () => [],
        ask: Effect.map(
          askClient(() => ({
            user_context: {
              method: "elicitation/create",
              params: {
                message: "What context should the prompt use?",
                requestedSchema: object("context", "string")
              }
            }
          })),
          (answers) => [text(`The context is ${JSON.stringify(answers)}.`)]
        )
      }
    ]
  },
  changes: Stream.fromPubSub(changed)
}
