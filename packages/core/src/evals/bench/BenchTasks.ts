/**
 * The tasks of the bench: a short part of those by which lms-bridge itself is measured (docs/real-models.md), small enough
 * for two minutes with a small model. Each looks at files and at the answer, never at the calls. Pure.
 */
import * as Duration from "effect/Duration"
import type { DefinedServer } from "../../mcp/config/DefinedServer.ts"
import type { NamedTask } from "../EvalFile.ts"
import type { EvalTask } from "../EvalTask.ts"

/** What a task is for. */
export const kinds = [
  "a call that is named",
  "a call by description",
  "a chain of calls",
  "nothing to call",
  "an answer by schema",
  "a mistake to recover from",
  "what cannot be done"
] as const
export type Kind = (typeof kinds)[number]

export interface BenchTask extends NamedTask {
  readonly kind: Kind
}

/** All tasks, over a server for the folder of each trial. `limit` is the longest time for one of them. */
export const make = (
  server: (folder: string) => DefinedServer,
  limit: Duration.Duration = standardLimit
): ReadonlyArray<BenchTask> =>
  all.map(([kind, name, task]) => ({
    kind,
    name,
    folder: "",
    server,
    task: { allow: ["*"], limits: { rounds: 10, time: limit }, ...task }
  }))

export const standardLimit = Duration.minutes(2)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notes = "Meeting on Tuesday at 14:30.\nThe code word is WILLOW-47.\nBring the green folder.\n"
const orders = "4711 Lamp 2\n4712 Chair 6\n4713 Carpet 1\n"
const settings = "host: localhost\nport: 8080\ndebug: false\n"
const memory = ".memory.json"

/** The answer owns up that it could not be done. */
const ownsUp = "(?i)\\b(no|not|none|cannot|unable|failed|missing|error)\\b|n't\\b"

const all: ReadonlyArray<readonly [kind: Kind, name: string, task: EvalTask]> = [
  [
    "a call that is named",
    "read-named",
    {
      task: "Use the tool read_file to read notes.txt, and tell me the code word in it.",
      files: { "notes.txt": notes },
      check: { answer: { contains: "WILLOW-47" } }
    }
  ],
  [
    "a call that is named",
    "write-named",
    {
      task: "Use write_file to write the text hello world into greeting.txt.",
      check: { files: { "greeting.txt": { equals: "hello world" } } }
    }
  ],
  [
    "a call that is named",
    "add-named",
    {
      task: "Call add with 4711 and 1289. What is the sum?",
      check: { answer: { matches: "\\b6[,.]?000\\b" } }
    }
  ],
  [
    "a call by description",
    "change-port",
    {
      task: "In settings.yaml, change the port from 8080 to 9090. Change nothing else.",
      files: { "settings.yaml": settings },
      check: { files: { "settings.yaml": { equals: settings.replace("8080", "9090") } } }
    }
  ],
  [
    "a call by description",
    "rename",
    {
      task: "Rename the file old_name.csv to new_name.csv.",
      files: { "old_name.csv": "a,b\n1,2\n" },
      check: { files: { "new_name.csv": { equals: "a,b\n1,2" }, "old_name.csv": { exists: false } } }
    }
  ],
  [
    "a call by description",
    "find-by-name",
    {
      task: "Somewhere there is a file whose name begins with invoice. Give its path.",
      files: { "2024/q1/report.txt": "x", "2024/q2/invoice-77.txt": "y", "2025/q1/report.txt": "z" },
      check: { answer: { contains: "2024/q2/invoice-77.txt" } }
    }
  ],
  [
    "a call by description",
    "biggest-number",
    {
      task: "Which is the greatest number in numbers.txt?",
      files: { "numbers.txt": "17\n942\n350\n8\n" },
      check: { answer: { matches: "\\b942\\b" } }
    }
  ],
  [
    "a call by description",
    "remember",
    {
      task: "Remember that the plumber's phone number is 555-0142.",
      check: { files: { [memory]: { contains: "555-0142", matches: "(?i)plumber" } } }
    }
  ],
  [
    "a chain of calls",
    "follow-the-file",
    {
      task: "Read start.txt and follow its clue. Where does the treasure lie?",
      files: {
        "start.txt": "The next clue is in garden.txt\n",
        "garden.txt": "The treasure lies under the fountain.\n"
      },
      check: { answer: { matches: "(?i)fountain" } }
    }
  ],
  [
    "a chain of calls",
    "sum-to-file",
    {
      task: "pair.txt has two numbers. Add them with a tool, and write the sum into sum.txt.",
      files: { "pair.txt": "2048 and 512\n" },
      check: { files: { "sum.txt": { matches: "\\b2560\\b" } } }
    }
  ],
  [
    "a chain of calls",
    "three-files",
    {
      task: "Write three files: one.txt with the text 1, two.txt with the text 2, three.txt with the text 3.",
      check: { files: { "one.txt": { equals: "1" }, "two.txt": { equals: "2" }, "three.txt": { equals: "3" } } }
    }
  ],
  [
    "nothing to call",
    "capital",
    {
      task: "What is the capital of France? Answer from what you know.",
      check: { answer: { contains: "Paris" } }
    }
  ],
  [
    "an answer by schema",
    "json-count",
    {
      task: "How many nuts are in stock.csv?",
      files: { "stock.csv": "item,count\nbolt,120\nnut,75\nwasher,300\n" },
      outputSchema: {
        type: "object",
        properties: { nuts: { type: "integer" } },
        required: ["nuts"],
        additionalProperties: false
      },
      check: { answer: { schema: { type: "object", properties: { nuts: { const: 75 } }, required: ["nuts"] } } }
    }
  ],
  [
    "a mistake to recover from",
    "wrong-file-name",
    {
      task: "How many apples are on the list in shoping-list.txt? If the file has another name, look for it.",
      files: { "shopping-list.txt": "Milk, bread and seven apples.\n" },
      check: { answer: { matches: "(?i)\\b(7|seven)\\b" } }
    }
  ],
  [
    "what cannot be done",
    "no-such-file",
    {
      task: "Tell me the price of the lamp that is written in prices.txt.",
      files: { "orders.txt": orders },
      check: { answer: { matches: ownsUp }, files: { "orders.txt": { equals: orders } } }
    }
  ]
]
