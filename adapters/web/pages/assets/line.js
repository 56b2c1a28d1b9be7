// A question with a one-line answer: a name, a channel, a search.
export default {
  template: `
    <form class="line" @submit.prevent="answer">
      <label class="line-label" :class="{ 'only-read': quiet }" :for="id + '-field'">{{ label }}</label>
      <div class="line-row">
        <input ref="field" :id="id + '-field'" v-model="text" :type="live ? 'search' : 'text'" :placeholder="placeholder"
          :maxlength="longest" autocomplete="off" spellcheck="false" :aria-invalid="problem ? 'true' : null" @input="typed">
        <button v-if="button" type="submit" class="primary" :disabled="!text.trim()">{{ button }}</button>
      </div>
      <p v-if="problem" class="line-problem" role="alert">{{ problem }}</p>
    </form>`,
  props: {
    id: String,
    label: String,
    placeholder: String,
    button: String, // without one, the answer is given while typing
    value: String,
    longest: Number,
    live: Boolean,
    quiet: Boolean, // the label is for screen readers
    eager: Boolean,
  },
  emits: ["answer"],
  data() {
    return { text: this.value ?? "", problem: "" };
  },
  mounted() {
    if (this.eager && window.matchMedia("(pointer: fine)").matches) this.$nextTick(() => this.$refs.field.focus());
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
    typed() {
      this.problem = "";
      if (!this.live) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.$emit("answer", this.text), 200);
    },
    answer() {
      clearTimeout(this.timer);
      this.$emit("answer", this.text);
      if (this.button && !this.value) this.text = "";
    },
    refused(answer, sentence) {
      this.text ||= answer; // what is being typed by now stays
      this.problem = sentence;
    },
  },
};
