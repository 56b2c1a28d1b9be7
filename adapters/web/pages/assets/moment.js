// When was it, and how long has it been? Told on the server's clock, in the visitor's time zone.
const pad = (number) => String(number).padStart(2, "0");

export default {
  template: `<time :datetime="iso" :title="full">{{ said }}</time>`,
  props: {
    at: Number, // Unix seconds
    mode: String, // clock: "14:02" · precise: "14:02:31" · elapsed: "12 s" · age: "3 min"
  },
  data() {
    return { now: this.clock() };
  },
  computed: {
    iso() {
      return new Date(this.at * 1000).toISOString();
    },
    full() {
      return new Date(this.at * 1000).toLocaleString();
    },
    said() {
      const seconds = Math.max(0, Math.floor(this.now - this.at));
      if (this.mode === "elapsed") return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${pad(seconds % 60)} min`;
      if (this.mode === "age") {
        if (seconds < 60) return `${seconds} s`;
        if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
        if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
        return `${Math.floor(seconds / 86400)} d`;
      }
      const then = new Date(this.at * 1000);
      let clock = `${pad(then.getHours())}:${pad(then.getMinutes())}`;
      if (this.mode === "precise") clock += `:${pad(then.getSeconds())}`;
      if (then.toDateString() === new Date(this.now * 1000).toDateString()) return clock;
      return `${then.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${clock}`;
    },
  },
  mounted() {
    this.timer = setInterval(() => (this.now = this.clock()), ["clock", "precise"].includes(this.mode) ? 60000 : 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  methods: {
    clock() {
      return Date.now() / 1000 + window.darkroom.skew;
    },
  },
};
