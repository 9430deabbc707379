def work(loop, data):
    history = loop.train(data, data)
    return [row['val_accuracy'] for row in history]
