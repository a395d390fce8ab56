// Tasks over the filesystem server: one call that is named, one that is only described, chains, and mistakes.
import { all, fileIs, fileIsGone, fileMatches, folderIs, json, ownsUp, says, saysNot, untouched } from "./task.mjs"

const servers = ["filesystem"]

const notes = { "notes.txt": "Meeting on Tuesday at 14:30.\nThe code word is WILLOW-47.\nBring the green folder.\n" }
const orders = { "orders.txt": "4711 Lamp 2\n4712 Chair 6\n4713 Carpet 1\n" }
const settings = { "settings.json": '{\n  "host": "localhost",\n  "port": 8080,\n  "debug": false\n}\n' }

export const named = [
  {
    id: "read-named",
    servers,
    files: notes,
    task: "Use the tool read_text_file to read {folder}/notes.txt and tell me the code word in it.",
    check: says(/WILLOW-47/)
  },
  {
    id: "write-named",
    servers,
    files: {},
    task: "Use write_file to write the text hello world into {folder}/greeting.txt.",
    check: fileIs("greeting.txt", "hello world")
  },
  {
    id: "mkdir-named",
    servers,
    files: {},
    task: "Call create_directory to make the folder {folder}/archive.",
    check: folderIs("archive")
  },
  {
    id: "list-named",
    servers,
    files: { "apple.txt": "1", "pear.txt": "2", "plum.txt": "3" },
    task: "Call list_directory on {folder} and name every file that is there.",
    check: says(/apple\.txt/, /pear\.txt/, /plum\.txt/)
  },
  {
    id: "move-named",
    servers,
    files: { "draft.md": "# Plan\n" },
    task: "With move_file, give {folder}/draft.md the new name {folder}/final.md.",
    check: all(fileIs("final.md", "# Plan"), fileIsGone("draft.md"))
  }
]

export const described = [
  {
    id: "read-second-line",
    servers,
    files: orders,
    task: "What does the second line of {folder}/orders.txt say?",
    check: says(/4712 Chair 6/)
  },
  {
    id: "put-sentence",
    servers,
    files: {},
    task: "Put the sentence 'The lamp is on.' into a new file out.txt in the folder {folder}.",
    check: fileIs("out.txt", "The lamp is on.")
  },
  {
    id: "rename",
    servers,
    files: { "old_name.csv": "a,b\n1,2\n" },
    task: "Rename the file old_name.csv in {folder} to new_name.csv.",
    check: all(fileIs("new_name.csv", "a,b\n1,2"), fileIsGone("old_name.csv"))
  },
  {
    id: "change-port",
    servers,
    files: settings,
    task: "In {folder}/settings.json, change the port from 8080 to 9090. Change nothing else.",
    check: fileIs("settings.json", settings["settings.json"].replace("8080", "9090"))
  },
  {
    id: "count-files",
    servers,
    files: { "a.txt": "1", "b.txt": "2", "c.md": "3", "d.md": "4", "e.md": "5" },
    task: "How many files with the ending .md are in {folder}? Answer with the number.",
    check: says(/\b3\b|\bthree\b/i)
  },
  {
    id: "find-by-name",
    servers,
    files: { "2024/q1/report.txt": "x", "2024/q2/invoice-77.txt": "y", "2025/q1/report.txt": "z" },
    task: "Somewhere below {folder} there is a file whose name begins with invoice. Where is it? Give its path.",
    check: says(/2024\/q2\/invoice-77\.txt/)
  },
  {
    id: "size",
    servers,
    files: { "blob.txt": "0123456789".repeat(137) },
    task: "How large is {folder}/blob.txt, in bytes?",
    check: says(/\b1370\b/)
  },
  {
    id: "make-folder",
    servers,
    files: {},
    task: "I need an empty folder with the name backups inside of {folder}. Please make it.",
    check: folderIs("backups")
  },
  {
    id: "biggest-number",
    servers,
    files: { "numbers.txt": "17\n942\n350\n8\n" },
    task: "Which is the greatest number in {folder}/numbers.txt?",
    check: says(/\b942\b/)
  }
]

export const chains = [
  {
    id: "copy-text",
    servers,
    files: { "source.txt": "Blue whales sing at 188 decibels.\n" },
    task: "Read {folder}/source.txt and write exactly the same text into {folder}/copy.txt.",
    check: fileIs("copy.txt", "Blue whales sing at 188 decibels.")
  },
  {
    id: "second-line-to-file",
    servers,
    files: orders,
    task: "Take the second line of {folder}/orders.txt and write it, alone, into {folder}/second.txt.",
    check: fileIs("second.txt", "4712 Chair 6")
  },
  {
    id: "sum-to-file",
    servers,
    files: { "sales.txt": "Monday 12\nTuesday 30\nWednesday 8\n" },
    task: "Add up the three numbers in {folder}/sales.txt and write only the sum into {folder}/total.txt.",
    check: fileIs("total.txt", "50")
  },
  {
    id: "folder-then-move",
    servers,
    files: { "photo.txt": "(a photo)\n" },
    task: "Make a folder {folder}/pictures and move {folder}/photo.txt into it.",
    check: all(fileIs("pictures/photo.txt", "(a photo)"), fileIsGone("photo.txt"))
  },
  {
    id: "find-then-read",
    servers,
    files: { "docs/a/readme.md": "nothing", "docs/b/secret-plan.md": "The meeting point is the old mill.\n" },
    task: "Find the file secret-plan.md below {folder}, read it, and tell me where the meeting point is.",
    check: says(/old mill/i)
  },
  {
    id: "two-files-one-answer",
    servers,
    files: { "alice.txt": "Alice was born in 1984.\n", "bob.txt": "Bob was born in 1979.\n" },
    task: "Read {folder}/alice.txt and {folder}/bob.txt. Who of the two is older?",
    check: all(says(/\bBob\b/), saysNot(/Alice is (?:the )?older|older[^.]{0,20}is Alice/i))
  },
  {
    id: "three-files",
    servers,
    files: {},
    task: "Write three files into {folder}: one.txt with the text 1, two.txt with the text 2, three.txt with the text 3.",
    check: all(fileIs("one.txt", "1"), fileIs("two.txt", "2"), fileIs("three.txt", "3"))
  },
  {
    id: "follow-the-file",
    servers,
    files: { "start.txt": "The next clue is in garden.txt\n", "garden.txt": "The treasure lies under the fountain.\n" },
    task: "Read {folder}/start.txt and follow its clue. Where does the treasure lie?",
    check: says(/fountain/i)
  },
  {
    id: "edit-then-rename",
    servers,
    files: { "letter.txt": "Dear Sir,\nthank you for the lamp.\n" },
    task: "In {folder}/letter.txt replace Sir with Madam, then rename the file to letter-final.txt.",
    check: all(fileIs("letter-final.txt", "Dear Madam,\nthank you for the lamp."), fileIsGone("letter.txt"))
  },
  {
    id: "five-steps",
    servers,
    files: { "a.txt": "red\n", "b.txt": "green\n", "c.txt": "blue\n" },
    task: "Read a.txt, b.txt and c.txt in {folder}. Then make the folder {folder}/result and write all three words, one in a line and in this order, into {folder}/result/all.txt.",
    check: fileIs("result/all.txt", "red\ngreen\nblue")
  }
]

export const mistakes = [
  {
    id: "wrong-file-name",
    servers,
    files: { "shopping-list.txt": "Milk, bread and seven apples.\n" },
    task: "How many apples are on the list in {folder}/shoping-list.txt? If the file has another name, look for it.",
    check: says(/\b7\b|\bseven\b/i)
  },
  {
    id: "wrong-folder",
    servers,
    files: { "config/app.ini": "timeout = 45\n" },
    task: "What is the timeout in {folder}/app.ini? The file may be in a folder below.",
    check: says(/\b45\b/)
  },
  {
    id: "edit-not-found",
    servers,
    files: { "todo.txt": "[ ] Water the plants\n[ ] Call Bob\n" },
    task: "In {folder}/todo.txt the line about watering plants is done: replace its '[ ]' by '[x]'.",
    check: fileIs("todo.txt", "[x] Water the plants\n[ ] Call Bob")
  },
  {
    id: "target-exists",
    servers,
    files: { "report.txt": "new\n", "archive/report.txt": "old\n" },
    task: "Move {folder}/report.txt into {folder}/archive. If there is already a file of that name, call it report-2.txt there.",
    check: all(fileIs("archive/report-2.txt", "new"), fileIs("archive/report.txt", "old"))
  }
]

export const large = [
  {
    id: "needle",
    servers,
    files: {
      "log.txt": Array.from({ length: 900 }, (_, index) =>
        index === 631 ? "12:09:44 ERROR disk sdb7 is full" : `12:00:${index} INFO request ${index * 7} served`
      ).join("\n")
    },
    task: "{folder}/log.txt is a long log. Which disk is full, according to the one line with ERROR?",
    check: says(/sdb7/)
  },
  {
    id: "last-line-of-many",
    servers,
    files: {
      "long.txt":
        Array.from({ length: 1200 }, (_, index) => `entry ${index} ${"x".repeat(20)}`).join("\n") +
        "\nthe end is near\n"
    },
    task: "What does the last line of {folder}/long.txt say?",
    check: says(/the end is near/i)
  },
  {
    id: "many-files",
    servers,
    files: Object.fromEntries(
      Array.from({ length: 260 }, (_, index) => [`box/item-${index}.txt`, index === 187 ? "gold" : "sand"])
    ),
    task: "{folder}/box has many files. Read item-187.txt of it: what is in it?",
    check: says(/gold/i)
  }
]

export const impossible = [
  {
    id: "no-such-file",
    servers,
    files: orders,
    task: "Tell me the price of the lamp that is written in {folder}/prices.txt.",
    check: all(ownsUp, untouched(orders))
  },
  {
    id: "outside",
    servers,
    files: {},
    task: "Read the file /etc/hostname and tell me its text.",
    check: ownsUp
  },
  {
    id: "no-fact",
    servers,
    files: { "people.txt": "Anna, 31, Berlin\nBen, 44, Rome\n" },
    task: "By {folder}/people.txt, how old is Carla?",
    check: all(ownsUp, untouched({ "people.txt": "Anna, 31, Berlin\nBen, 44, Rome\n" }))
  },
  {
    id: "no-tool",
    servers,
    files: notes,
    task: "Send {folder}/notes.txt to bob@example.org by e-mail.",
    check: all(ownsUp, untouched(notes))
  },
  {
    id: "no-delete",
    servers,
    files: notes,
    task: "Delete the file {folder}/notes.txt.",
    check: all(ownsUp, untouched(notes))
  },
  {
    id: "no-run",
    servers,
    files: { "count.sh": "#!/bin/sh\necho $((40 * 11))\n" },
    task: "Run the script {folder}/count.sh and tell me what it prints.",
    check: ownsUp
  },
  {
    id: "no-entry",
    servers,
    files: { "phones.txt": "Ben 555-0101\nIda 555-0117\n" },
    task: "Look into {folder}/phones.txt: what is the number of Dorothea?",
    check: all(ownsUp, saysNot(/Dorothea'?s? (?:number )?is 555/i))
  },
  {
    id: "no-folder",
    servers,
    files: {},
    task: "How many files are in {folder}/invoices/2023?",
    check: ownsUp
  }
]

const stock = { "stock.csv": "item,count\nbolt,120\nnut,75\nwasher,300\n" }

export const bound = [
  {
    id: "json-count",
    servers,
    files: stock,
    task: "How many nuts are in {folder}/stock.csv?",
    schema: {
      type: "object",
      properties: { nuts: { type: "integer" } },
      required: ["nuts"],
      additionalProperties: false
    },
    check: json(({ nuts }) => (nuts === 75 ? undefined : `nuts is ${nuts}`))
  },
  {
    id: "json-list",
    servers,
    files: stock,
    task: "List the items of {folder}/stock.csv in the order of the file.",
    schema: {
      type: "object",
      properties: { items: { type: "array", items: { type: "string" } } },
      required: ["items"]
    },
    check: json(({ items }) => (items.join() === "bolt,nut,washer" ? undefined : `items are ${items.join()}`))
  },
  {
    id: "json-person",
    servers,
    files: { "card.txt": "Dr. Maria Lopez\nHead of Research\nmaria.lopez@example.org\n+34 600 123 456\n" },
    task: "Read the business card in {folder}/card.txt and give the person's name and e-mail address.",
    schema: {
      type: "object",
      properties: { name: { type: "string" }, email: { type: "string" } },
      required: ["name", "email"]
    },
    check: json(({ email, name }) =>
      /Maria Lopez/.test(name) && email === "maria.lopez@example.org" ? undefined : `it is ${name}, ${email}`
    )
  },
  {
    id: "json-true",
    servers,
    files: settings,
    task: "Is debugging switched on in {folder}/settings.json?",
    schema: { type: "object", properties: { debug: { type: "boolean" } }, required: ["debug"] },
    check: json(({ debug }) => (debug === false ? undefined : `debug is ${debug}`))
  }
]

/** Asked with 97 tools on offer. */
export const amongMany = [
  {
    id: "many-read",
    files: { "poem.txt": "The fog comes\non little cat feet.\n" },
    task: "What is the first line of {folder}/poem.txt?",
    check: says(/the fog comes/i)
  },
  {
    id: "many-write",
    files: {},
    task: "Put the sentence 'hello' into {folder}/out.txt.",
    check: fileIs("out.txt", "hello")
  },
  {
    id: "many-rename",
    files: { "a.log": "x\n" },
    task: "Rename {folder}/a.log to b.log.",
    check: all(fileIs("b.log", "x"), fileIsGone("a.log"))
  },
  {
    id: "many-edit",
    files: { "colour.txt": "The door is red.\n" },
    task: "In {folder}/colour.txt, change red to blue.",
    check: fileIs("colour.txt", "The door is blue.")
  },
  {
    id: "many-chain",
    files: { "in.txt": "seventeen\n" },
    task: "Copy the text of {folder}/in.txt into a new file {folder}/out.txt.",
    check: fileMatches("out.txt", /^seventeen\s*$/)
  }
]
