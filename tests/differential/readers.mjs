// For test_readers.py: the addresses that mail libraries for Node.js show as a message's authors.
// Standard input is a JSON list of From fields in base64; the answer a list of { LIBRARY: [ADDRESS] }.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/`);
const addressparser = require("nodemailer/lib/addressparser");
const { simpleParser } = require("mailparser");
const postalMime = require("postal-mime");
const PostalMime = postalMime.default ?? postalMime;

// each field with the members of its groups
function addresses(list) {
  return (list ?? []).flatMap((one) => (one.group ? addresses(one.group) : [one.address ?? ""]));
}

async function attempt(read) {
  try {
    return addresses(await read()).filter((address) => address.includes("@"));
  } catch (error) {
    return [];
  }
}

const found = [];
for (const encoded of JSON.parse(readFileSync(0, "utf8"))) {
  const body = Buffer.from(encoded, "base64");
  const text = body.toString("utf8");
  const message = Buffer.concat([
    Buffer.from("From: "), Buffer.from(body.toString("latin1").replace(/\n/g, "\r\n"), "latin1"),
    Buffer.from("\r\nSubject: x\r\n\r\nx\r\n"),
  ]);
  found.push({
    nodemailer: await attempt(() => addressparser(text)),
    mailparser: await attempt(async () => (await simpleParser(message)).from?.value),
    "postal-mime": await attempt(async () => {
      const from = (await PostalMime.parse(message)).from;
      return from ? [from] : [];
    }).then(async (one) => one.concat(await attempt(() => postalMime.addressParser(text)))),
  });
}
console.log(JSON.stringify(found));
