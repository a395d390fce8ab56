// Tasks over the memory and everything servers, over several servers, over a page, and without any tool.
import {
  all,
  entity,
  entityHas,
  entityIsGone,
  fileIs,
  fileMatches,
  json,
  ownsUp,
  relation,
  says,
  saysNot
} from "./task.mjs"

const memory = ["memory"]
const everything = ["everything"]

const people = [
  entity("Anna", "person", "works at the harbour", "plays the cello"),
  entity("Ben", "person", "works at the bakery"),
  relation("Anna", "knows", "Ben")
]

export const named = [
  {
    id: "echo-named",
    servers: everything,
    task: "Call the tool echo with the message 'green tea' and tell me what it gives back.",
    check: says(/green tea/i)
  },
  {
    id: "sum-named",
    servers: everything,
    task: "Use get-sum to add 4821 and 3977. What is the sum?",
    check: says(/\b8798\b/)
  },
  {
    id: "graph-named",
    servers: memory,
    memory: people,
    task: "Call read_graph and tell me the names of all persons in it.",
    check: says(/Anna/, /Ben/)
  }
]

export const described = [
  {
    id: "add",
    servers: everything,
    task: "What is 73619 plus 88453? Let a tool add them.",
    check: says(/\b162072\b/)
  },
  {
    id: "remember",
    servers: memory,
    task: "Remember that my sister Clara lives in Oslo.",
    check: entityHas(/clara|sister/i, /oslo/i)
  },
  {
    id: "ask-memory",
    servers: memory,
    memory: people,
    task: "Which instrument does Anna play, by what you have in memory?",
    check: says(/cello/i)
  },
  {
    id: "forget",
    servers: memory,
    memory: people,
    task: "Forget everything about Ben: delete him from memory.",
    check: all(entityIsGone(/^ben$/i), entityHas(/^anna$/i, /cello/))
  }
]

export const chains = [
  {
    id: "look-up-then-add",
    servers: memory,
    memory: people,
    task: "Look up in memory where Ben works, then add to Anna in memory the observation that she buys bread at that place.",
    check: entityHas(/^anna$/i, /bakery/i)
  },
  {
    id: "sum-of-sums",
    servers: everything,
    task: "With the adding tool, add 1250 and 2375. Then add 4000 to the result. What comes out?",
    check: says(/\b7625\b/)
  }
]

const both = ["filesystem", "memory"]

export const several = [
  {
    id: "file-to-memory",
    servers: both,
    files: { "pet.txt": "The cat of the Millers is called Whiskers.\n" },
    task: "Read {folder}/pet.txt and remember in memory the name of the Millers' cat.",
    check: entityHas(/whiskers|miller|cat/i, /whiskers|miller|cat/i)
  },
  {
    id: "memory-to-file",
    servers: both,
    memory: people,
    task: "Look up in memory where Anna works and write only that place's name into {folder}/anna.txt.",
    check: fileMatches("anna.txt", /harbou?r/i)
  },
  {
    id: "sum-into-file",
    servers: ["filesystem", "everything"],
    task: "Add 118 and 264 with a tool and write the result into {folder}/sum.txt.",
    check: fileMatches("sum.txt", /\b382\b/)
  },
  {
    id: "file-to-sum",
    servers: ["filesystem", "everything"],
    files: { "pair.txt": "2048 and 512\n" },
    task: "{folder}/pair.txt has two numbers. Add them with a tool. What is the sum?",
    check: says(/\b2560\b/)
  },
  {
    id: "three-servers",
    servers: ["filesystem", "memory", "everything"],
    files: { "age.txt": "Dora is 34 years old.\n" },
    task: "Read {folder}/age.txt, add 10 to Dora's age with a tool, and remember in memory how old Dora will be in ten years.",
    check: entityHas(/dora/i, /\b44\b/)
  },
  {
    id: "memory-and-folder",
    servers: both,
    memory: [entity("Project Fir", "project", "its files are in the folder fir")],
    files: { "fir/status.txt": "On hold until May.\n" },
    task: "Memory knows in which folder below {folder} the files of Project Fir are. Read status.txt there: what is the status?",
    check: says(/hold|May/)
  }
]

export const nothing = [
  {
    id: "capital",
    servers: ["filesystem"],
    task: "What is the capital of France? Answer from what you know.",
    check: says(/Paris/)
  },
  {
    id: "rewrite",
    servers: memory,
    task: "Write this sentence in capital letters: the train is late",
    check: says(/THE TRAIN IS LATE/)
  },
  {
    id: "translate",
    servers: everything,
    task: "What is the German word for 'water'?",
    check: says(/Wasser/i)
  },
  {
    id: "greeting",
    servers: ["filesystem"],
    task: "Say good morning to Ida, in one sentence.",
    check: all(says(/Ida/, /morning/i), saysNot(/tool|function|\{/i))
  },
  {
    id: "order",
    servers: both,
    task: "Put these words in the order of the alphabet: pear, apple, mango.",
    check: says(/apple[\s\S]*mango[\s\S]*pear/i)
  }
]

const fetch = ["fetch"]

export const pages = [
  {
    id: "opening-hours",
    servers: fetch,
    task: "Fetch {url}/museum.html and tell me at what time the museum opens on Sunday.",
    check: says(/\b11(?::00)?\b/)
  },
  {
    id: "page-to-file",
    servers: ["fetch", "filesystem"],
    task: "Get the page {url}/contact.html and write the telephone number on it into {folder}/phone.txt.",
    check: fileMatches("phone.txt", /555[- ]?0142/)
  },
  {
    id: "long-page",
    servers: fetch,
    task: "The page {url}/catalogue.html is long. What does the item 'walnut desk', near its end, cost?",
    check: says(/\b449\b/)
  }
]

export const bound = [
  {
    id: "json-sum",
    servers: everything,
    task: "Add 905 and 1180 with a tool.",
    schema: { type: "object", properties: { sum: { type: "number" } }, required: ["sum"] },
    check: json(({ sum }) => (sum === 2085 ? undefined : `sum is ${sum}`))
  },
  {
    id: "json-memory",
    servers: memory,
    memory: people,
    task: "Whom does Anna know, by the relations in memory?",
    schema: {
      type: "object",
      properties: { knows: { type: "array", items: { type: "string" } } },
      required: ["knows"]
    },
    check: json(({ knows }) => (knows.join() === "Ben" ? undefined : `knows ${knows.join()}`))
  }
]

export const impossible = [
  {
    id: "unknown-person",
    servers: memory,
    memory: people,
    task: "Where does Zoe work, by what you have in memory?",
    check: all(ownsUp, saysNot(/zoe works at/i))
  },
  {
    id: "unknown-pet",
    servers: memory,
    memory: people,
    task: "What is the name of the dog of Otto, according to memory?",
    check: ownsUp
  },
  {
    id: "page-without-it",
    servers: fetch,
    task: "Fetch {url}/museum.html: how much does a ticket for the museum cost?",
    check: ownsUp
  },
  {
    id: "page-is-gone",
    servers: fetch,
    task: "Fetch {url}/gone.html and tell me what it says about the weather.",
    check: ownsUp
  }
]

export const mistakes = [
  {
    id: "wrong-entity",
    servers: memory,
    memory: [entity("Jonathan Baker", "person", "drives a red tractor")],
    task: "What does Jon Baker drive? He may be in memory under a longer name.",
    check: says(/tractor/i)
  },
  {
    id: "existing-file",
    servers: both,
    files: { "name.txt": "Eve\n" },
    memory: [entity("Eve", "person", "likes tea")],
    task: "The person in {folder}/name.txt is in memory. Add there that she lives in Rome, and change nothing else.",
    check: all(entityHas(/^eve$/i, /rome/i), entityHas(/^eve$/i, /tea/i), fileIs("name.txt", "Eve"))
  }
]
