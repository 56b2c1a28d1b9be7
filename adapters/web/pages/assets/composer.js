// How does a visitor say what they want? Words, pictures (picked, dropped or pasted), a ratio, and nothing is ever lost:
// the draft lives in the browser until the server has accepted it, under an id that makes a resend harmless.
const RATIO = /(^|\s)--(?:ar|aspect)(?:[\s=]+([^\s]*))?/;
// Half of a character (a lone surrogate) has no bytes in UTF-8: the server could not read the message, nor refuse it.
const HALVES = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const whole = (text) => text.replace(HALVES, "\uFFFD");
const LONGEST = 50000; // characters; far beyond any prompt, far below what one message to the server may carry

export default {
  template: `
    <form class="composer" :data-busy="sending !== null || undefined" @submit.prevent="send" @keydown.esc="escape">
      <div v-if="notice" class="notice" :data-kind="notice.kind" :role="notice.kind === 'said' ? 'status' : 'alert'">
        <svg class="icon" aria-hidden="true"><use :href="icon(notice.kind === 'said' ? 'check' : 'alert')"></use></svg>
        <span class="notice-text">{{ notice.text }}</span>
        <button type="button" class="ghost tiny" aria-label="Dismiss" @click="notice = null">
          <svg class="icon" aria-hidden="true"><use :href="icon('close')"></use></svg>
        </button>
      </div>
      <div v-if="branch" class="branch">
        <img v-if="branch.sha256" :src="thumb(branch.sha256)" alt="">
        <span>building on version {{ branch.number }}</span>
        <button type="button" class="ghost tiny" aria-label="Build on the newest picture instead" @click="unbranch">
          <svg class="icon" aria-hidden="true"><use :href="icon('close')"></use></svg>
        </button>
      </div>
      <ul v-if="files.length" class="composer-files" aria-label="Attached pictures">
        <li v-for="file in files" :key="file.key" :data-uploading="!file.sha256 || undefined" :title="file.name">
          <img v-if="!file.plain" :src="file.preview || thumb(file.sha256)" :alt="file.name" @error="file.plain = true">
          <span v-else class="file-name">{{ file.name }}</span>
          <button type="button" class="file-remove" :aria-label="'Remove ' + file.name" @click="remove(file)">
            <svg class="icon" aria-hidden="true"><use :href="icon('close')"></use></svg>
          </button>
        </li>
      </ul>
      <div class="composer-line">
        <span v-if="command" class="composer-command" aria-hidden="true">{{ command }}</span>
        <textarea ref="text" v-model="text" rows="1" :placeholder="placeholder" :aria-label="label" enterkeyhint="send"
          :readonly="sending !== null" @keydown.enter="enter" @paste="paste" @input="typed"></textarea>
      </div>
      <div class="composer-tools">
        <button type="button" class="ghost" aria-label="Attach pictures" :title="'Attach pictures (up to ' + most + ')'" @click="$refs.pick.click()">
          <svg class="icon" aria-hidden="true"><use :href="icon('picture')"></use></svg>
        </button>
        <input ref="pick" type="file" accept="image/*,.heic,.heif" multiple hidden @change="picked">
        <div class="ratio" ref="ratio" @focusout="ratioBlurred">
          <button type="button" class="ghost ratio-now" :aria-expanded="choosing ? 'true' : 'false'" aria-haspopup="true"
            :aria-label="'Aspect ratio ' + shape" title="Aspect ratio" @click="choosing = !choosing">
            <span class="shape" :style="shapeStyle(shape)" aria-hidden="true"></span><span>{{ shape }}</span>
          </button>
          <div v-if="choosing" class="ratio-choice" role="group" aria-label="Aspect ratio">
            <button v-for="option in ratios" :key="option" type="button" :aria-pressed="option === shape ? 'true' : 'false'" @click="choose(option)">
              <span class="shape-box"><span class="shape" :style="shapeStyle(option)" aria-hidden="true"></span></span>{{ option }}
            </button>
          </div>
        </div>
        <span class="hint">{{ sending !== null ? 'Sending …' : hint }}</span>
        <button type="submit" class="send" aria-label="Send" title="Send (Enter)" :disabled="empty || sending !== null">
          <svg class="icon" aria-hidden="true"><use :href="icon('send')"></use></svg>
        </button>
      </div>
      <div class="drop-note" aria-hidden="true">Drop to attach</div>
    </form>`,
  props: {
    draft: String, // under which name the draft is kept in this browser
    command: String, // what every message here begins with, shown and not typed
    placeholder: String,
    label: String,
    hint: String,
    most: Number, // pictures
    mostBytes: Number, // of one picture
    ratios: Array,
    ratio: String, // what holds when the words name none
    icons: String,
    uploads: String,
    eager: Boolean, // takes the focus where no screen keyboard would cover the page
  },
  emits: ["send"],
  data() {
    return { text: "", files: [], branch: null, notice: null, sending: null, waiting: false, choosing: false };
  },
  computed: {
    empty() {
      return !this.text.trim() && !this.files.length;
    },
    shape() {
      const named = this.text.match(RATIO)?.[2];
      return this.ratios.includes(named) ? named : this.ratio;
    },
  },
  mounted() {
    this.recall();
    this.panel = this.$el.closest("[data-drop]");
    this.depth = 0;
    for (const [type, listener] of this.dragging()) this.panel?.addEventListener(type, listener);
    document.addEventListener("paste", this.pastedElsewhere);
    if (this.eager && window.matchMedia("(pointer: fine)").matches) this.$refs.text.focus({ preventScroll: true });
    this.width = new ResizeObserver(() => this.fit()); // also when it is shown for the first time
    this.width.observe(this.$el);
    if (this.sending !== null) this.emitSend(); // asked before the page or the server went away
  },
  unmounted() {
    this.width.disconnect();
    for (const [type, listener] of this.dragging()) this.panel?.removeEventListener(type, listener);
    document.removeEventListener("paste", this.pastedElsewhere);
    for (const file of this.files) if (file.preview) URL.revokeObjectURL(file.preview);
  },
  methods: {
    icon(name) {
      return `${this.icons}#${name}`;
    },
    thumb(sha256) {
      return sha256 ? `/pictures/${sha256}?w=512` : "";
    },

    // -- words
    enter(event) {
      if (event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.send();
    },
    typed() {
      this.notice = null;
      this.save();
      this.fit();
    },
    fit() {
      const area = this.$refs.text;
      if (!area?.offsetParent) return; // hidden: it has no height to measure
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight}px`;
    },
    focus() {
      this.$refs.text?.focus({ preventScroll: true });
    },
    fill(text) {
      this.text = text;
      this.typed();
      this.$nextTick(() => {
        this.fit();
        this.focus();
      });
    },
    escape(event) {
      if (this.choosing) this.choosing = false;
      else if (this.branch) this.unbranch();
      else return;
      event.stopPropagation();
    },

    // -- the ratio
    shapeStyle(ratio) {
      const [width, height] = ratio.split(":").map(Number);
      const scale = 14 / Math.max(width, height);
      return { width: `${width * scale}px`, height: `${height * scale}px` };
    },
    choose(ratio) {
      const option = `--ar ${ratio}`;
      this.text = RATIO.test(this.text)
        ? this.text.replace(RATIO, (_, space) => space + option)
        : `${this.text.trimEnd()}${this.text.trim() ? " " : ""}${option}`;
      this.choosing = false;
      this.typed();
      this.$nextTick(() => {
        this.fit();
        this.focus();
      });
    },
    ratioBlurred(event) {
      if (!this.$refs.ratio?.contains(event.relatedTarget)) this.choosing = false;
    },

    // -- pictures
    picked(event) {
      this.add([...event.target.files]);
      event.target.value = "";
    },
    paste(event) {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.add(files);
    },
    pastedElsewhere(event) {
      if (event.target.closest?.("input, textarea, [contenteditable]")) return;
      const here = [...document.querySelectorAll(".composer")].filter((form) => form.offsetParent !== null);
      if (here[here.length - 1] === this.$el) this.paste(event);
    },
    dragging() {
      return (this.listeners ??= Object.entries({
        dragenter: (event) => this.carries(event) && this.hover(++this.depth),
        dragleave: (event) => this.carries(event) && this.hover((this.depth = Math.max(0, this.depth - 1))),
        dragover: (event) => this.carries(event) && event.preventDefault(),
        drop: (event) => {
          if (!this.carries(event)) return;
          event.preventDefault();
          this.hover((this.depth = 0));
          this.add([...event.dataTransfer.files]);
        },
      }));
    },
    carries(event) {
      return [...(event.dataTransfer?.types ?? [])].includes("Files");
    },
    hover(depth) {
      this.panel.toggleAttribute("data-dropping", depth > 0);
    },
    add(files) {
      this.notice = null;
      for (const file of files) {
        const refusal = this.refusal(file);
        if (refusal) {
          this.refuse(refusal);
          break;
        }
        const name = file.name || "picture";
        this.files.push({ key: crypto.getRandomValues(new Uint32Array(2)).join(""), name, size: file.size, type: file.type,
          sha256: null, plain: false, preview: URL.createObjectURL(file) });
        this.upload(this.files[this.files.length - 1], file);
      }
      this.changed();
    },
    refusal(file) {
      if (this.files.length >= this.most)
        return `You can attach up to ${this.most} pictures here. Remove one to attach ${file.name || "another"}.`;
      if (file.size === 0) return `${file.name} is empty. Please attach another picture.`;
      if (file.size > this.mostBytes)
        return `${file.name} has ${(file.size / 1e6).toFixed(1)} MB and I can take ${Math.floor(this.mostBytes / 1e6)} MB. Please attach a smaller one.`;
      return null;
    },
    async upload(file, blob) {
      try {
        const name = encodeURIComponent(file.name);
        const answer = await fetch(`${this.uploads}?name=${name}`, { method: "POST", body: blob, headers: { "Content-Type": file.type || "application/octet-stream" } });
        const said = await answer.json();
        if (!answer.ok) throw new Error(said.detail);
        file.sha256 = said.sha256;
        this.save();
        if (this.waiting && this.files.every((each) => each.sha256)) this.emitSend();
      } catch (error) {
        this.drop(file);
        this.sending = null;
        this.waiting = false;
        const lost = error instanceof TypeError || error instanceof SyntaxError;
        this.refuse(lost ? `${file.name} did not arrive. Please attach it again.` : error.message);
      }
    },
    remove(file) {
      this.drop(file);
      this.changed();
      this.focus();
    },
    drop(file) {
      if (file.preview) URL.revokeObjectURL(file.preview);
      this.files = this.files.filter((each) => each.key !== file.key);
      this.save();
    },

    // -- which picture is meant
    build(branch) {
      this.branch = branch;
      this.changed();
      this.focus();
    },
    unbranch() {
      this.branch = null;
      this.changed();
      this.focus();
    },

    // -- sending
    send() {
      if (this.empty || this.sending !== null) return;
      if (this.text.length > LONGEST) return this.refuse(`That is ${this.text.length.toLocaleString("en")} characters, which is more than I can read. Please shorten it.`);
      this.notice = null;
      this.sending = window.createRandomUUID();
      if (this.files.some((file) => !file.sha256)) this.waiting = true;
      else this.emitSend();
    },
    emitSend() {
      this.waiting = false;
      this.save();
      this.$emit("send", {
        id: this.sending,
        text: whole(this.text),
        files: this.files.map(({ name, size, type, sha256 }) => ({ name: whole(name), size, type, sha256 })),
        of: this.branch?.job ?? null,
        image: this.branch?.image ?? 0,
      });
    },
    sent(id) {
      if (id !== this.sending) return;
      for (const file of this.files) if (file.preview) URL.revokeObjectURL(file.preview);
      Object.assign(this, { text: "", files: [], branch: null, sending: null, notice: null });
      this.save();
      this.$nextTick(this.fit);
    },
    refused(id, sentence) {
      if (id !== this.sending) return;
      this.sending = null;
      this.save();
      this.refuse(sentence);
      this.$nextTick(this.focus);
    },
    refuse(text) {
      this.notice = { text, kind: "refused" };
    },
    say(text) {
      this.notice = { text, kind: "said" };
    },

    // -- the draft
    changed() {
      this.save();
      this.$nextTick(this.fit);
    },
    save() {
      const kept = this.files.filter((file) => file.sha256).map(({ key, name, size, type, sha256 }) => ({ key, name, size, type, sha256 }));
      try {
        if (!this.text && !kept.length && !this.branch) localStorage.removeItem(this.place());
        else
          localStorage.setItem(this.place(), JSON.stringify({ text: this.text, files: kept, branch: this.branch,
            sending: this.waiting ? null : this.sending }));
      } catch {
        // a browser that keeps nothing still sends
      }
    },
    recall() {
      try {
        const { text, files, branch, sending } = JSON.parse(localStorage.getItem(this.place()) ?? "null") ?? {};
        this.text = text ?? "";
        this.files = (files ?? []).map((file) => ({ ...file, plain: false, preview: null }));
        this.branch = branch ?? null;
        this.sending = sending ?? null;
      } catch {
        // what another version of this page has left is no draft
      }
    },
    place() {
      return `darkroom:draft:${this.draft}`;
    },
  },
};
