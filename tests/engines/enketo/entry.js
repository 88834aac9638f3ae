// The page of the tests: opens one form at a time in Enketo and answers it as a person's browser does, by events on
// the controls that the person sees. `window.enketo.<command>(arguments)` is all that the driver calls.
import { transform } from 'enketo-transformer/web';
import { Form } from 'enketo-core';
import { BODY, translateEngine } from './screen.js';

const transformed = new Map(); // by XForm: the transformation is the dearest part of opening
let form; // one at a time: Enketo keeps collections for the whole page
let sent = null; // the instance as it would be sent, until something is answered: dear to make
let troubles = []; // what Enketo wrote to the console or threw, since the last command

console.error = (...parts) => troubles.push(parts.map(String).join(' '));
window.alert = (message) => troubles.push(String(message));
window.confirm = () => true; // « supprimer cette ligne ? »
window.addEventListener('error', (event) => troubles.push(event.message));
window.addEventListener('unhandledrejection', (event) => troubles.push(String(event.reason)));

const settle = () => new Promise((resolve) => setTimeout(resolve));

function items(rows) {
    // a CSV attachment as the instance that Enketo Express makes of it: <root><item><name>…
    const list = document.implementation.createDocument(null, 'root');
    const [head, ...rest] = rows;
    for (const row of rest) {
        const item = list.documentElement.appendChild(list.createElement('item'));
        head.forEach((column, i) => (item.appendChild(list.createElement(column)).textContent = row[i] ?? ''));
    }
    return list;
}

async function open({ key, xform, lists, instance, submitted, language }) {
    if (xform) transformed.set(key, { ...(await transform({ xform, theme: 'formhub' })), lists });
    const known = transformed.get(key);
    document.body.innerHTML = BODY;
    document.querySelector('#host').outerHTML = known.form;
    translateEngine(document.body);
    const external = Object.entries(known.lists).map(([id, rows]) => ({ id, xml: items(rows) }));
    const data = { modelStr: known.model, external, session: { deviceid: 'test:deviceid' } };
    if (instance) Object.assign(data, { instanceStr: instance, submitted });
    form = new Form(document.querySelector('form.or'), data, language ? { language } : {});
    window.form = form;
    const errors = form.init();
    await settle();
    return { errors, languages: form.languages };
}

// -- finding -----------------------------------------------------------------------------------------------------

const controls = (question) =>
    [...question.querySelectorAll('input, select, textarea')].filter((el) => !el.closest('.itemset-template, .widget'));

function pathOf(question) {
    const control = question.querySelector('[data-name], [name]');
    return control?.dataset.name || control?.getAttribute('name') || '';
}

const nameOf = (question) => pathOf(question).split('/').pop();

function rowOf(question) {
    const repeat = question.closest('.or-repeat');
    return repeat ? [...repeat.parentElement.querySelectorAll(':scope > .or-repeat')].indexOf(repeat) + 1 : 1;
}

function reference(question) {
    const path = pathOf(question);
    const repeat = question.closest('.or-repeat')?.getAttribute('name');
    return repeat ? `${repeat}[${rowOf(question)}]${path.slice(repeat.length)}` : path;
}

function find(name, row) {
    const all = [...form.view.html.querySelectorAll('.question:not(.itemset-template)')];
    return all.find((question) => nameOf(question) === name && rowOf(question) === row);
}

const shown = (question) => question && !question.closest('.disabled');

function met(name, row) {
    const question = find(name, row);
    if (!shown(question)) throw new Error(`not shown: ${name}`);
    return question;
}

const said = (text) => text.replaceAll('\u202f', ' ').trim(); // a no-break space is a space to who reads
const words = (element) => said(element?.innerText ?? '');

// -- answering ---------------------------------------------------------------------------------------------------

const happened = (control) => control.dispatchEvent(new Event('change', { bubbles: true }));

function choose(inputs, wanted) {
    for (const code of wanted) if (!inputs.some((input) => input.value === code)) return false;
    for (const input of inputs) {
        const tick = wanted.includes(input.value);
        if (input.checked === tick) continue;
        if (input.type === 'checkbox' || tick || !wanted.length) input.click(); // a click on a ticked radio unticks it
    }
    return true;
}

function put(question, value) {
    const wanted = Array.isArray(value) ? value.map(String) : value === null || value === '' ? [] : [String(value)];
    const [first, ...others] = controls(question);
    if (first.type === 'radio' || first.type === 'checkbox') return choose([first, ...others], wanted);
    if (first.matches('select')) {
        const codes = [...first.options].map((option) => option.value);
        if (!wanted.every((code) => codes.includes(code))) return false;
        for (const option of first.options) option.selected = wanted.includes(option.value);
        if (!wanted.length) first.value = '';
    } else if (first.list) {
        // a person types the label in the box that stands for the list
        const option = [...first.list.options].find((o) => o.dataset.value === wanted[0]);
        if (wanted.length && !option) return false;
        const box = question.querySelector('input.autocomplete');
        box.value = option?.value ?? '';
        box.dispatchEvent(new Event('input', { bubbles: true }));
        return true;
    } else {
        const month = question.querySelector('input.datepicker-mobile'); // stands for a date of which no day is asked
        const shownTo = month ?? first;
        shownTo.value = month ? (wanted[0] ?? '').slice(0, 7) : wanted.join(' ');
        happened(shownTo);
        return true;
    }
    happened(first);
    return true;
}

async function answer(question, value) {
    if (!put(question, value)) return 'no such choice';
    const fault = await verdict(question);
    await settle();
    return fault ? `${fault}: ${words(question.querySelector(`.or-${fault}-msg.active`))}` : 'ok';
}

const set = async ({ name, row, value }) => {
    const question = find(name, row);
    return shown(question) ? answer(question, value) : 'not relevant';
};

async function fill({ answers }) {
    // one walk down the form; rows of a repeat are added as the walk reaches its end
    const report = { refused: {}, met: [], answered: 0, screens: 0 };
    const pages = new Set();
    for (let position = 0; ; position++) {
        const stops = form.view.html.querySelectorAll('.question:not(.itemset-template), .or-repeat-info');
        if (position >= stops.length) break;
        const stop = stops[position];
        if (!shown(stop)) continue;
        if (stop.matches('.or-repeat-info')) {
            const rows = answers[stop.dataset.name.split('/').pop()];
            const present = stop.parentElement.querySelectorAll(':scope > .or-repeat').length;
            if (Array.isArray(rows) && rows.length > present) {
                stop.querySelector('.add-repeat-btn').click();
                await settle();
                position -= 1; // the new row stands where this element stood
            }
            continue;
        }
        pages.add(stop.closest('[role=page]') ?? stop);
        const repeat = stop.closest('.or-repeat')?.getAttribute('name').split('/').pop();
        const scope = repeat ? (answers[repeat]?.[rowOf(stop) - 1] ?? {}) : answers;
        const name = nameOf(stop);
        if (!(name in scope)) continue;
        report.met.push(repeat ? `${repeat}[${rowOf(stop)}]/${name}` : name);
        const outcome = await answer(stop, scope[name]);
        if (outcome === 'ok') report.answered += 1;
        else report.refused[reference(stop)] = outcome;
    }
    report.screens = pages.size;
    return report;
}

async function walk({ questions, combinations, read }) {
    // many combinations of answers in one call; `read` names the node whose value is wanted after each, or with « ! »
    // before it the question whose verdict is wanted; `name[2]` is the question or node of the second row
    const results = [];
    let before = [];
    for (const combination of combinations) {
        for (const [i, value] of combination.entries()) {
            if (before[i] === value) continue;
            const question = find(...place(questions[i]));
            if (!shown(question) || !put(question, value)) throw new Error(`${questions[i]}: ${value}`);
        }
        before = combination;
        const [name, row] = place(read);
        results.push(name[0] === '!' ? await verdict(find(name.slice(1), row)) : (node(name, row)?.textContent ?? ''));
    }
    await settle();
    return results;
}

function place(written) {
    const [, name, row] = written.match(/^(.*?)(?:\[(\d+)\])?$/);
    return [name, Number(row ?? 1)];
}

async function verdict(question) {
    const result = await form.validateInput(controls(question)[0]);
    return result?.requiredValid === false ? 'required' : result?.constraintValid === false ? 'constraint' : '';
}

// -- repeats -----------------------------------------------------------------------------------------------------

const info = (name) =>
    [...form.view.html.querySelectorAll('.or-repeat-info')].find((el) => el.dataset.name.split('/').pop() === name);

const rows = ({ name }) => info(name).parentElement.querySelectorAll(':scope > .or-repeat').length;

async function add({ name }) {
    if (!shown(info(name))) return false;
    info(name).querySelector('.add-repeat-btn').click();
    await settle();
    return true;
}

async function remove({ name, row }) {
    const repeat = info(name).parentElement.querySelectorAll(':scope > .or-repeat')[row - 1];
    repeat.querySelector(':scope > .repeat-buttons .remove').click(); // the page confirms (see screen.js)
    await settle();
}

// -- reading -----------------------------------------------------------------------------------------------------

function node(name, row) {
    const all = [...form.model.xml.querySelectorAll('instance:first-of-type > * *')].filter((el) => el.nodeName === name);
    return all[row - 1];
}

const relevant = ({ name, row }) => Boolean(shown(find(name, row)));

const text = ({ name, row }) => words(met(name, row).querySelector('.question-label.active'));

const hint = ({ name, row }) => words(met(name, row).querySelector('.or-hint.active'));

function labels({ name, row }) {
    const [first, ...others] = controls(met(name, row));
    const active = (el) => words(el.parentElement.querySelector('.option-label.active'));
    if (first.matches('select')) {
        const options = [...first.options].filter((o) => o.value && !o.matches('.itemset-template'));
        return Object.fromEntries(options.map((o) => [o.value, said(o.textContent)]));
    }
    if (first.list) return Object.fromEntries([...first.list.options].map((o) => [o.dataset.value, said(o.value)]));
    return Object.fromEntries([first, ...others].map((input) => [input.value, active(input)]));
}

async function language({ code }) {
    const select = document.querySelector('#form-languages');
    select.value = code;
    happened(select);
    await settle();
    return select.value;
}

async function problem() {
    if (await form.validate()) return null;
    const question = form.view.html.querySelector('.invalid-required, .invalid-constraint');
    const kind = question.matches('.invalid-required') ? 'required' : 'constraint';
    return [reference(question), `${kind}: ${words(question.querySelector(`.or-${kind}-msg.active`))}`];
}

function value({ name, row }) {
    // by the rows of the repeat that holds the node: one of them may lack it
    sent ??= new DOMParser().parseFromString(xml({ draft: false }), 'text/xml').documentElement;
    const holders = new Set([...sent.querySelectorAll(name)].map((el) => top(el, sent).nodeName));
    const rows = [...sent.children].filter((child) => holders.has(child.nodeName));
    const holder = rows[row - 1];
    return (holder?.nodeName === name ? holder : holder?.querySelector(name))?.textContent ?? '';
}

const top = (el, root) => (el.parentElement === root ? el : top(el.parentElement, root));

const xml = ({ draft }) => form.getDataStr(draft ? {} : { irrelevant: false });

async function page({ flip, first }) {
    // the button « Suivant »; the number of the page then shown, -1 when an answer keeps it from turning
    if (first) form.pages._flipToFirst();
    if (flip) {
        const done = await form.pages._next();
        await settle();
        if (done === false) return -1;
    }
    return form.pages._getCurrentIndex();
}

const pages = () => form.pages.activePages.length;

const commands = { open, set, fill, walk, rows, add, remove, relevant, text, hint, labels, language, problem, value, xml, page, pages };

window.enketo = async (command, args) => {
    troubles = [];
    if (command !== 'value') sent = null;
    const result = (await commands[command](args)) ?? null;
    return { result, troubles };
};
