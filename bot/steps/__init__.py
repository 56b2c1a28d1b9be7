"""What is the next step of a job, in each state? One module per state; every step is safe to repeat.

A step works on a claimed job and ends by saving it with its next `due_at`, parked, or ended. There is no recovery beside
these: what was due when a process died becomes due again, and the same step runs again. Whatever a step raises is turned
into the job's next move by `bot.stepping`.
"""
